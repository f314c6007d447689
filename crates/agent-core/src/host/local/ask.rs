//! Asks a model.

use std::{collections::HashSet, mem, panic::AssertUnwindSafe, pin::pin};

use futures::{FutureExt, StreamExt};
use tokio::task::coop::consume_budget;

use super::{
    LocalHost,
    ask_meter::AskMeter,
    early::{EarlyCalls, MayStart},
    partial_reply::ReplyInProgress,
    replaced_ids::{ReplacedId, ReplacedIds},
    timing::Timing,
};
use crate::{
    Agent, Block, BoxStream, Conversation, Delta, EventKind, Failure, Fold, LlmError, LlmErrorKind, Request,
    Response, Rules, RunError, StopReason, TransferRecord,
    conversation::not_run_message,
    event::{emitter::Origin, named},
    host::cancel::Stop,
    panic_message::panic_message,
};

impl LocalHost {
    /// Asks the model, until `stop` stops it. If `meter` is given, that one pays. `may_start` is of a
    /// host around this one that takes the early calls with the reply.
    pub(super) async fn ask_model(
        &self,
        so_far: &Conversation,
        stop: Stop,
        meter: Option<&AskMeter>,
        may_start: Option<&MayStart<'_>>,
    ) -> Result<Result<Response, Failure>, RunError> {
        self.caller.check(so_far)?;
        let asked = self.asked(so_far, meter);
        if asked.is_ok() {
            self.caller.count_request()?;
        }
        self.begin_turn(so_far).await;
        let mut reading = self.reading(so_far);
        // A backend is foreign code. A panic in it must not end other conversations of the run.
        let reply = {
            // Pinned where it is made, because each move would make the outer future larger. It
            // ends with this block.
            let reply = async {
                let (speaker, request) = asked?;
                self.read(so_far, &mut reading, may_start, speaker.llm().stream(request)).await
            };
            let mut reply = pin!(AssertUnwindSafe(reply).catch_unwind());
            stop.or(reply.as_mut()).await
        };
        reading.finish();
        let fold = &reading.fold;
        let mut reply = match reply {
            Some(Ok(reply)) => reply.map_err(|error| fold.fail(error)),
            Some(Err(panic)) => Err(fold.fail(LlmError::new(LlmErrorKind::Panicked, panic_message(&*panic)))),
            None => match self.cut_short(so_far, fold) {
                Ok(cut) => Ok(cut),
                Err(stopped) => return Err(self.give_up(so_far, fold, stopped).await),
            },
        };
        self.assign_early_calls(so_far, &mut reply, reading.timing).await;
        let reply = self.settle(so_far, meter, reply);
        Ok(reply.map_err(|error| Failure { agent: so_far.speaker().to_owned(), error }))
    }

    async fn begin_turn(&self, so_far: &Conversation) {
        // Early calls of an earlier reply that no turn used.
        self.discard_plans(so_far.id(), |_| false);
        self.finish_all(self.discard(self.started.clear(so_far.id()))).await;
        self.emit_return(so_far);
        self.emit(so_far, || EventKind::TurnStarted { messages: so_far.said_since_reply() });
    }

    /// The partial reply to record after a stop, or the error if nothing is kept. After a timeout
    /// nothing is kept.
    fn cut_short(&self, so_far: &Conversation, fold: &Fold) -> Result<Response, RunError> {
        let stopped = self.why_stopped(so_far);
        let is_kept = self.keeps_partial_reply && stopped == RunError::Cancelled;
        fold.cut_short().filter(|_| is_kept).ok_or(stopped)
    }

    /// Ends a reply that was stopped and of which nothing is kept.
    async fn give_up(&self, so_far: &Conversation, fold: &Fold, stopped: RunError) -> RunError {
        self.discard_plans(so_far.id(), |_| false);
        let unclaimed = self.discard(self.started.clear(so_far.id()));
        let error =
            if stopped == RunError::Cancelled { "cancelled".into() } else { stopped.to_string().into() };
        self.emit(so_far, || EventKind::TurnFailed { error, kind: None, usage: fold.spent() });
        self.finish_all(unclaimed).await;
        stopped
    }

    /// The agent that is asked next, and its request.
    fn asked(&self, so_far: &Conversation, meter: Option<&AskMeter>) -> Result<(&Agent, Request), LlmError> {
        let team = &self.caller.team;
        match (team.request(so_far), team.agent(so_far.speaker())) {
            (Ok(mut request), Some(speaker)) => {
                request.meter = meter.map_or_else(|| self.meter(so_far), AskMeter::for_request);
                Ok((speaker, request))
            }
            (Err(RunError::Model(failure)), _) => Err(failure.error),
            _ => {
                // The transfer's target is missing. The transfer fails, and the agent that has the
                // conversation reads why.
                let why = format!("there is no such agent in the team: {}", team.agents().join(", "));
                Err(LlmError::new(LlmErrorKind::Configuration, why))
            }
        }
    }

    /// Reads a reply to its end, and starts early calls on the way.
    async fn read(
        &self,
        so_far: &Conversation,
        reading: &mut ReplyInProgress<'_>,
        may_start: Option<&MayStart<'_>>,
        mut reply: BoxStream<'_, Result<Delta, LlmError>>,
    ) -> Result<Response, LlmError> {
        let mut early = EarlyCalls::new(self, so_far, may_start);
        let mut ids = self.caller.emitter.has_listeners().then(|| ReplacedIds::new(so_far));
        let ReplyInProgress { fold, timing, .. } = reading;
        loop {
            let next = match early.plans() {
                None => reply.next().await,
                // Boxed, because few replies have a plan.
                Some(plans) => plans.beside(reply.next()).boxed().await,
            };
            let Some(mut delta) = next.transpose()? else { break };
            if let Some(ids) = &mut ids {
                timing.see(&delta);
                let (shown, new) = ids.see(&delta);
                self.emit_replaced_ids(so_far, new);
                match shown {
                    Some(shown) => self.emit(so_far, || EventKind::Delta(shown)),
                    None => delta = self.caller.emitter.emit_delta(speaker(so_far), delta),
                }
            }
            early.see(fold, &delta);
            fold.push(delta)?;
            // A stream that is always ready would stop the timers of this task.
            consume_budget().await;
        }
        let response = mem::take(fold).finish()?;
        self.emit_replaced_ids(so_far, ids.map(|ids| ids.corrections(&response)).unwrap_or_default());
        Ok(response)
    }

    fn emit_replaced_ids(&self, so_far: &Conversation, new: Vec<ReplacedId>) {
        for ReplacedId { tool, was, id } in new {
            self.emit(so_far, || EventKind::IdReplaced { tool, was, id });
        }
    }

    pub(super) fn stop(&self, so_far: &Conversation) -> Stop {
        self.cancel.get().map(|tokens| tokens.conversation(so_far.id())).unwrap_or_default()
    }

    fn emit(&self, so_far: &Conversation, kind: impl FnOnce() -> EventKind) {
        self.caller.emitter.emit(speaker(so_far), kind);
    }

    pub(super) fn emit_reply(
        &self,
        so_far: &Conversation,
        reply: &Result<Response, LlmError>,
        timing: Timing,
        made: &HashSet<String>,
    ) {
        if self.caller.emitter.has_listeners() {
            match reply {
                Ok(response) => self.emit_response(so_far, response, timing, made),
                Err(error) => self.emit(so_far, || EventKind::TurnFailed {
                    error: error.to_string().into(),
                    kind: Some(error.kind),
                    usage: error.usage(),
                }),
            }
        }
        if so_far.has_pending_transfer() {
            self.emit_transfer(so_far, reply);
        }
    }

    fn emit_response(
        &self,
        so_far: &Conversation,
        response: &Response,
        timing: Timing,
        made: &HashSet<String>,
    ) {
        self.emit(so_far, || EventKind::TurnEnded {
            stop_reason: response.stop_reason.clone(),
            calls: response.tool_calls().count(),
            usage: response.usage,
            response: response.id.clone(),
            model: response.model.clone(),
            first_piece: timing.first_piece(),
        });
        if !response.stop_reason.runs_calls() {
            self.emit_calls_not_made(so_far, response, made);
        }
    }

    /// Emits an event for each call that is not made, except those `made` early, which have their
    /// own events.
    fn emit_calls_not_made(&self, so_far: &Conversation, response: &Response, made: &HashSet<String>) {
        let recorded = so_far.sanitized(response.content.clone());
        for call in recorded.iter().filter_map(Block::as_tool_use).filter(|call| !made.contains(&call.id)) {
            let ((id, tool), why) = (named(call), not_run_message(&response.stop_reason).into());
            self.emit(so_far, || EventKind::CallNotMade { id, tool, why });
        }
    }

    /// Emits the end of the call that asked for a transfer, and whether the transfer took place.
    fn emit_transfer(&self, so_far: &Conversation, reply: &Result<Response, LlmError>) {
        let why = match reply {
            Ok(response) if response.stop_reason == StopReason::Refusal => Some("it refused".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let origin = Origin::in_conversation(so_far, so_far.agent());
        let (is_error, to) = (why.is_some(), so_far.speaker());
        let result = why.clone().unwrap_or_else(|| format!("Transferred to {to}."));
        let call = so_far.transfer_to_speaker().and_then(|transfer| transfer.call);
        if let Some(call) = call {
            self.caller.emitter.emit(origin, || EventKind::call_ended(&call, is_error, result));
        }
        let from = so_far.shared_agent().clone().into();
        self.emit(so_far, || match why {
            Some(why) => EventKind::TransferFailed { from, why: why.into() },
            None => EventKind::Transferred { from },
        });
    }

    fn emit_return(&self, so_far: &Conversation) {
        let Some(TransferRecord { from, at, why: Some(why), .. }) = so_far.transfer_records().last() else {
            return;
        };
        if *at == so_far.messages().len() && !so_far.has_pending_transfer() {
            self.emit(so_far, || EventKind::CameBack { from: from.clone().into(), why: why.as_str().into() });
        }
    }
}

/// The origin of events of the model's turn.
fn speaker(so_far: &Conversation) -> Origin<'_> {
    Origin::in_conversation(so_far, so_far.speaker())
}
