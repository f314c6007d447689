//! Decisions about waiting calls, while a run goes on.

use super::LocalHost;
use crate::{Call, Conversation, Decisions, End, Outcome, RunError, host::decisions::Decidable};

impl LocalHost {
    /// Drives the user's conversation to its end. It goes on if a person has decided before nobody
    /// could decide any more.
    pub(crate) async fn run_with_decisions(
        mut self,
        conversation: &mut Conversation,
        decisions: Decisions,
    ) -> Result<End, RunError> {
        self.decisions = Some(decisions.clone());
        let mut decidable = Decidable::new(conversation, &decisions);
        loop {
            let end = self.run_keeping_partial_reply(decidable.conversation).await?;
            if !matches!(end, End::Waiting(_)) || !decidable.apply() {
                return Ok(end);
            }
        }
    }

    /// Whether this outcome changes which calls wait for a person.
    pub(super) fn changes_waiting(&self, outcome: &Outcome) -> bool {
        let changes =
            |decisions: &Decisions| matches!(outcome, Outcome::Wait { .. }) || decisions.any_waits();
        self.decisions.as_ref().is_some_and(changes)
    }

    /// Keeps which calls wait for a person.
    pub(super) fn note_waiting(&self, call: &Call, outcome: &Outcome) {
        let Some(decisions) = &self.decisions else { return };
        let key = [&call.conversation, "/", &call.call.id].concat();
        match outcome {
            Outcome::Wait { .. } => decisions.add(key),
            _ => decisions.remove(&key),
        }
    }
}
