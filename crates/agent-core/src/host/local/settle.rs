//! What becomes of calls that began early, once their reply has ended.

use std::collections::HashSet;

use super::{LocalHost, running::Running};
use crate::{Block, Conversation, LlmError, Outcome, Response, Rules, StopReason, model::EarlyResult};

impl LocalHost {
    /// Gives the calls of a reply what began for them, and tells of the reply. Calls that may have had effects have their
    /// results also in a reply that was cut, so that the model does not make them again.
    pub(super) async fn settle(&self, so_far: &Conversation, reply: &mut Result<Response, LlmError>) {
        let left = self.leave(self.left(so_far, reply));
        let made = match reply {
            Ok(reply) if !reply.stop_reason.runs_calls() => self.begun.take_made(so_far.id()),
            _ => Vec::new(),
        };
        let own = left.iter().map(|left| &left.call.call.id);
        let ids: HashSet<String> = own.chain(made.iter().map(|(id, _)| id)).cloned().collect();
        self.tell_of_reply(so_far, reply, &ids);
        self.end_all(left).await;
        for (id, running) in made {
            let result = running.end_as(&self.caller, &id).await.and_then(result_of);
            if let (Ok(reply), Some(result)) = (&mut *reply, result) {
                reply.early_results.insert(id, result);
            }
        }
    }

    /// What began early and is no call of this reply.
    fn left(&self, so_far: &Conversation, reply: &Result<Response, LlmError>) -> Vec<Running> {
        if !self.begun.has_any(so_far.id()) {
            return Vec::new();
        }
        // What was refused is not sent again, nor are its results.
        let Some(reply) = reply.as_ref().ok().filter(|reply| reply.stop_reason != StopReason::Refusal) else {
            return self.begun.clear(so_far.id());
        };
        let recorded = so_far.sanitized(reply.content.clone());
        let (mut calls, mut behind) = (Vec::new(), !reply.stop_reason.runs_calls());
        for call in recorded.iter().filter_map(Block::as_tool_use) {
            let spec = self.caller.team.spec(so_far.speaker(), &call.name);
            behind |= spec.is_some_and(|spec| spec.exclusive);
            calls.push((call, behind));
        }
        self.begun.settle(so_far.id(), calls.iter().copied())
    }

    /// No message will tell of these. Gives those that are not stopped by that.
    pub(super) fn leave(&self, mut left: Vec<Running>) -> Vec<Running> {
        left.retain(|left| left.must_end(&self.caller));
        left
    }

    pub(super) async fn end_all(&self, left: Vec<Running>) {
        for left in left {
            left.end(&self.caller).await;
        }
    }
}

/// The result of a call that is over.
fn result_of(outcome: Outcome) -> Option<EarlyResult> {
    match outcome {
        Outcome::Output(content) => Some(EarlyResult { content, is_error: false }),
        Outcome::Error(content) => Some(EarlyResult { content, is_error: true }),
        _ => None,
    }
}
