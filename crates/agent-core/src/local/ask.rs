//! Asking a model.

use std::{panic::AssertUnwindSafe, pin::pin};

use futures::{FutureExt, StreamExt};

use super::{Local, early::Early, task::panic_message};
use crate::{
    Agent, Block, BoxStream, Conversation, Delta, EventKind, Failure, Fold, LlmError, LlmErrorKind, Passage,
    Request, Response, Rules, RunError, StopReason, cancel::Stop, conversation::not_run, teller::Place,
};

impl Local {
    pub(super) async fn ask_model(
        &self,
        so_far: &Conversation,
    ) -> Result<Result<Response, Failure>, RunError> {
        self.caller.team.check_agent(so_far)?;
        let agent = so_far.speaker();
        self.tell_if_it_came_back(so_far);
        self.tell(so_far, || EventKind::TurnStarted);
        let asked = self.asked(so_far);
        // A backend is foreign code; its panic must not take other conversations of the run along.
        let reply = {
            // Pinned where it is made: each move would make the future larger. It ends with this block.
            let reply = async {
                let (speaker, request) = asked?;
                self.read(so_far, speaker.llm().stream(request)).await
            };
            let mut reply = pin!(AssertUnwindSafe(reply).catch_unwind());
            self.stop(so_far).or(reply.as_mut()).await
        };
        let Some(reply) = reply else {
            self.shared.keep(&self.caller, so_far, None);
            self.tell(so_far, || EventKind::TurnFailed { error: "cancelled".to_owned() });
            return Err(RunError::Cancelled);
        };
        let reply =
            reply.unwrap_or_else(|panic| Err(LlmError::new(LlmErrorKind::Panicked, panic_message(&*panic))));
        let goes_on = reply.as_ref().ok().filter(|reply| reply.stop_reason.runs_calls());
        self.shared.keep(&self.caller, so_far, goes_on);
        self.tell_of_reply(so_far, &reply);
        Ok(reply.map_err(|error| Failure { agent: agent.to_owned(), error }))
    }

    /// Who is asked next, and what.
    fn asked(&self, so_far: &Conversation) -> Result<(&Agent, Request), LlmError> {
        let team = &self.caller.team;
        match (team.request(so_far), team.agent(so_far.speaker())) {
            (Ok(request), Some(speaker)) => Ok((speaker, request)),
            (Err(RunError::Model(failure)), _) => Err(failure.error),
            _ => {
                // The agent it is about to go over to. It does not, and the one that has it reads why.
                let why = format!("there is no such agent in the team: {}", team.agents().join(", "));
                Err(LlmError::new(LlmErrorKind::Configuration, why))
            }
        }
    }

    /// Reads a reply to its end, and starts what may start on the way.
    pub(super) async fn read(
        &self,
        so_far: &Conversation,
        mut reply: BoxStream<'_, Result<Delta, LlmError>>,
    ) -> Result<Response, LlmError> {
        let (mut fold, mut early) = (Fold::default(), Early::new(self, so_far));
        while let Some(delta) = reply.next().await.transpose()? {
            self.tell(so_far, || EventKind::Delta(delta.clone()));
            early.see(&fold, &delta);
            fold.push(delta)?;
        }
        fold.finish()
    }

    fn stop(&self, so_far: &Conversation) -> Stop {
        self.cancel.as_ref().map(|tokens| tokens.conversation(so_far.id())).unwrap_or_default()
    }

    fn tell(&self, so_far: &Conversation, kind: impl FnOnce() -> EventKind) {
        self.caller.teller.tell(Place::in_conversation(so_far, so_far.speaker()), kind);
    }

    fn tell_of_reply(&self, so_far: &Conversation, reply: &Result<Response, LlmError>) {
        self.tell(so_far, || match reply {
            Ok(response) => EventKind::TurnEnded {
                stop_reason: response.stop_reason.clone(),
                calls: response.tool_calls().count(),
                usage: response.usage,
            },
            Err(error) => EventKind::TurnFailed { error: error.to_string() },
        });
        if let (Ok(response), true) = (reply, self.caller.teller.is_heard()) {
            let recorded = so_far.mended(response.content.clone());
            self.tell_of_new_ids(so_far, response, &recorded);
            self.tell_what_is_not_made(so_far, response, &recorded);
        }
        if so_far.is_going_over() {
            self.tell_how_it_went_over(so_far, reply);
        }
    }

    /// The conversation records the reply once it has it; by which ids is known before.
    fn tell_of_new_ids(&self, so_far: &Conversation, response: &Response, recorded: &[Block]) {
        let pairs = response.content.iter().zip(recorded);
        for (call, recorded) in pairs.filter_map(|(old, new)| Some((old.as_tool_use()?, new.as_tool_use()?)))
        {
            if call.id != recorded.id {
                let (tool, was, id) = (recorded.name.clone(), call.id.clone(), recorded.id.clone());
                self.tell(so_far, || EventKind::IdReplaced { tool, was, id });
            }
        }
    }

    /// No whole call is dropped without a word.
    fn tell_what_is_not_made(&self, so_far: &Conversation, response: &Response, recorded: &[Block]) {
        if response.stop_reason.runs_calls() {
            return;
        }
        for call in recorded.iter().filter_map(Block::as_tool_use) {
            let (id, tool, why) = (call.id.clone(), call.name.clone(), not_run(&response.stop_reason));
            self.tell(so_far, || EventKind::CallNotMade { id, tool, why });
        }
    }

    /// The call that wanted it ends now, and the conversation has changed hands or has not.
    fn tell_how_it_went_over(&self, so_far: &Conversation, reply: &Result<Response, LlmError>) {
        let why = match reply {
            Ok(response) if response.stop_reason == StopReason::Refusal => Some("it refused".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let place = Place::in_conversation(so_far, so_far.agent());
        let (is_error, to) = (why.is_some(), so_far.speaker());
        let result = why.clone().unwrap_or_else(|| format!("Transferred to {to}."));
        let call = so_far.passage().and_then(|passage| passage.call);
        if let Some(call) = call {
            let (id, tool) = (call.id.clone(), call.name.clone());
            self.caller.teller.tell(place, || EventKind::CallEnded { id, tool, is_error, result });
        }
        let from = so_far.agent().to_owned();
        self.tell(so_far, || match why {
            Some(why) => EventKind::TransferFailed { from, why },
            None => EventKind::Transferred { from },
        });
    }

    fn tell_if_it_came_back(&self, so_far: &Conversation) {
        let Some(Passage { from, at, why: Some(why), .. }) = so_far.passages().last() else { return };
        if *at == so_far.messages().len() && !so_far.is_going_over() {
            self.tell(so_far, || EventKind::CameBack { from: from.to_string(), why: why.clone() });
        }
    }
}
