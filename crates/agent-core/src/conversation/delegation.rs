//! Delegated conversations: how they begin, and what the call gets from them.

use super::Conversation;
use crate::{Content, DelegationLimits, Done, End, Failure, Outcome};

impl Conversation {
    /// Makes the conversation of another agent, for a call of this one.
    pub(super) fn child(
        &self,
        call_id: &str,
        agent: String,
        task: Content,
        limits: DelegationLimits,
    ) -> Self {
        let mut child = Self::start(agent, task).with_id(format!("{}/{call_id}", self.id));
        (child.depth, child.delegation_limits) = (self.depth + 1, limits);
        child
    }

    /// The limits of the call that delegated this conversation. For the user's own conversation,
    /// all of them are `None`.
    pub fn delegation_limits(&self) -> &DelegationLimits {
        &self.delegation_limits
    }

    /// Returns the result of the delegating call when this conversation has ended with `end`.
    /// `None` if the conversation waits for a person, because then the call has no result yet.
    ///
    /// The answer is cut to the limit of the tool's results ([`Conversation::delegation_limits`]).
    ///
    /// If the conversation ended without an answer, the result says what was done: each call with
    /// how it ended, and the last text, in at most 4,000 bytes. So the agent that delegated knows
    /// which calls had effects.
    pub fn done(&self, end: &Result<End, Failure>) -> Option<Done> {
        let counts = matches!(end, Ok(End::Answered(_))) || self.is_detachable();
        if let Some(result) = self.plan_result().filter(|_| counts) {
            return Some(self.done_with(match result.outcome() {
                // The call was not detached before it ended, so its answer ends the run.
                Outcome::Output(read) if self.answered_by().is_some() => self.answer_of_call(read),
                outcome => outcome,
            }));
        }
        let agent = self.agent();
        let mut with_last_reply = true;
        let mut why = match end {
            Ok(End::Waiting(_)) => return None,
            Ok(End::Answered(text)) if text.trim().is_empty() => {
                format!("{agent} is done and said nothing.")
            }
            Ok(End::Answered(text)) => return Some(self.done_with(Outcome::output(text.clone()))),
            Ok(End::Cut(reason)) => {
                let (text, calls) = (self.text(), self.open_calls().count());
                let calls =
                    if calls > 0 { format!("; its calls were not made: {calls}") } else { String::new() };
                with_last_reply = false;
                format!("{agent}'s reply was cut ({}){calls}; it began: {text}", reason.as_str())
            }
            Ok(End::Refused(_)) => {
                // The refused text is left out, because another model might refuse it too.
                with_last_reply = false;
                format!("{agent} refused")
            }
            Ok(End::TurnLimit(turns)) => format!("{agent} was not done after {turns} turns"),
            Ok(End::Budget(exceeded)) => format!("{agent} was not done: {exceeded}"),
            Ok(End::Other(reason)) => format!("{agent} stopped: {reason}"),
            Err(failure) => failure.to_string(),
        };
        why.push_str(&self.summary(with_last_reply));
        Some(self.done_with(match end {
            Ok(End::Answered(_)) => Outcome::output(why),
            _ => Outcome::error(why),
        }))
    }

    /// Replaces a delegated conversation, at any depth, by a later state of it. It is for places
    /// that keep delegated conversations by themselves while they run. Returns `false` if there is
    /// no delegated conversation with this id.
    pub fn put_delegated(&mut self, child: Self) -> bool {
        let place = self.within_mut(&child.id).filter(|known| known.depth > 0);
        place.map(|known| *known = child).is_some()
    }

    fn done_with(&self, outcome: Outcome) -> Done {
        let most = self.delegation_limits.max_result_bytes.unwrap_or(usize::MAX);
        let outcome = outcome.map_result(|content| content.truncated(most));
        Done { outcome, usage: self.usage_by_agent() }
    }
}
