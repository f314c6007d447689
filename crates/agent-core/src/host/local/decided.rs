//! Decisions about waiting calls, while a run goes on.

use super::LocalHost;
use crate::{Call, Conversation, Decisions, End, Outcome, RunError, host::decisions::Decidable};

impl LocalHost {
    pub(crate) fn decided_by(mut self, decisions: Decisions) -> Self {
        self.decisions = decisions;
        self
    }

    /// Drives the user's conversation to its end. It goes on if a person has decided before nobody
    /// could decide any more.
    pub(crate) async fn run_with_decisions(&self, conversation: &mut Conversation) -> Result<End, RunError> {
        let mut decidable = Decidable::new(conversation, &self.decisions);
        loop {
            let end = self.run_keeping_partial_reply(decidable.conversation).await?;
            if !matches!(end, End::Waiting(_)) || !decidable.apply() {
                return Ok(end);
            }
        }
    }

    /// Whether this outcome changes which calls wait for a person.
    pub(super) fn changes_waiting(&self, outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Wait { .. }) || self.decisions.any_waits()
    }

    /// Keeps which calls wait for a person.
    pub(super) fn note_waiting(&self, call: &Call, outcome: &Outcome) {
        let key = [&call.conversation, "/", &call.call.id].concat();
        match outcome {
            Outcome::Wait { .. } => self.decisions.add(key),
            _ => self.decisions.remove(&key),
        }
    }
}
