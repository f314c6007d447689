//! Assigns early calls to the calls of their reply, once it has ended.

use std::collections::HashSet;

use super::{
    LocalHost,
    running_call::{RunningCall, UNCOUNTED},
    timing::Timing,
};
use crate::{Block, Conversation, LlmError, Outcome, Response, Rules, StopReason, model::EarlyResult};

impl LocalHost {
    /// Assigns early calls to the calls of the reply, and emits the events of the reply. If a reply
    /// was cut, early calls that may have had effects still get their results into it, so that the
    /// model does not make them again.
    pub(super) async fn assign_early_calls(
        &self,
        so_far: &Conversation,
        reply: &mut Result<Response, LlmError>,
        timing: Timing,
    ) {
        let plans = self.discard_uncalled_plans(so_far, reply);
        let unclaimed = self.discard(self.unclaimed(so_far, reply));
        let made = match reply {
            Ok(reply) if !reply.stop_reason.runs_calls() => self.started.take_claimed(so_far.id()),
            _ => Vec::new(),
        };
        let own = unclaimed.iter().map(|unclaimed| &unclaimed.call.call.id);
        let ids: HashSet<String> = own.chain(made.iter().map(|(id, _)| id)).chain(&plans).cloned().collect();
        self.emit_reply(so_far, reply, timing, &ids);
        self.finish_all(unclaimed).await;
        for (id, running) in made {
            let result = running.finish_as(&self.caller, &id).await.and_then(result_of);
            if let (Ok(reply), Some(result)) = (&mut *reply, result) {
                reply.early_results.insert(id, result);
            }
        }
    }

    /// The early calls that are not calls of this reply.
    fn unclaimed(&self, so_far: &Conversation, reply: &Result<Response, LlmError>) -> Vec<RunningCall> {
        if !self.started.has_any(so_far.id()) {
            return Vec::new();
        }
        // A refused reply is not sent again, so neither are its results.
        let Some(reply) = reply.as_ref().ok().filter(|reply| reply.stop_reason != StopReason::Refusal) else {
            return self.started.clear(so_far.id());
        };
        let recorded = so_far.sanitized(reply.content.clone());
        let (mut calls, mut behind) = (Vec::new(), !reply.stop_reason.runs_calls());
        for call in recorded.iter().filter_map(Block::as_tool_use) {
            let spec = self.caller.team.spec(so_far.speaker(), &call.name);
            behind |= spec.is_some_and(|spec| spec.exclusive);
            calls.push((call, behind));
        }
        self.started.assign(so_far.id(), calls.iter().copied())
    }

    /// Discards calls that are in no message. Returns those that this does not stop.
    pub(super) fn discard(&self, mut unclaimed: Vec<RunningCall>) -> Vec<RunningCall> {
        unclaimed.retain(|unclaimed| unclaimed.discard(&self.caller, UNCOUNTED));
        unclaimed
    }

    pub(super) async fn finish_all(&self, unclaimed: Vec<RunningCall>) {
        for unclaimed in unclaimed {
            unclaimed.finish(&self.caller).await;
        }
    }
}

/// The result of an ended call.
fn result_of(outcome: Outcome) -> Option<EarlyResult> {
    match outcome {
        Outcome::Output(content) => Some(EarlyResult { content, is_error: false }),
        // A reply that was cut ends the run, so this is a result like any other.
        Outcome::Answer { content, cut } => {
            Some(EarlyResult { content: cut.unwrap_or(content), is_error: false })
        }
        Outcome::Error(content) => Some(EarlyResult { content, is_error: true }),
        _ => None,
    }
}
