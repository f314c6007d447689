//! What a host knows of the decisions of people.

use agent_core::{Conversation, conversation::Change};

use super::Ledger;
use crate::{Entry, JournalError, fold::call_key};

impl Ledger {
    /// Writes decisions about waiting calls that were made in memory, unless others have decided
    /// first.
    pub(crate) async fn write_decisions(&self, so_far: &Conversation) -> Result<(), JournalError> {
        if so_far.id() != self.id {
            return Ok(());
        }
        let decided = so_far.decided_since(&self.state().session.conversation);
        for (id, change) in decided {
            let written = match &change {
                Change::Denied { call, reason } => self.journal.deny(&call_key(&id, call), reason).await,
                Change::Approved { call } => self.journal.approve(&call_key(&id, call)).await,
                _ => Ok(()),
            };
            let (Change::Denied { call, .. } | Change::Approved { call }) = &change else { continue };
            let decision = match written {
                Ok(()) => Some(change),
                Err(JournalError::NotWaiting(_)) => self.journal.decision(&self.id, self.path(&id), call)?,
                Err(error) => return Err(error),
            };
            if let Some(decision) = decision {
                // Only the decision about this call is applied here. Decisions of others about
                // other calls are applied by `apply_decisions`.
                let _ = self.state().session.apply(&id, &Entry::Change(decision));
            }
        }
        Ok(())
    }

    /// The reason why others have denied a call that was approved in memory.
    pub(crate) fn denial(&self, id: &str, call: &str) -> Result<Option<String>, JournalError> {
        let decided = self.journal.decision(&self.id, self.path(id), call)?;
        Ok(decided.and_then(|change| match change {
            Change::Denied { reason, .. } => Some(reason),
            _ => None,
        }))
    }

    /// Applies decisions that others have written to the conversation. Returns false if there were
    /// none.
    pub(crate) fn apply_decisions(&self, conversation: &mut Conversation) -> Result<bool, JournalError> {
        if conversation.id() != self.id {
            return Ok(false);
        }
        let applied = self.journal.apply_decisions(conversation)?;
        let mut state = self.state();
        for (id, change) in &applied {
            // The change may be there already, if the call was made before this.
            let _ = state.session.apply(id, &Entry::Change(change.clone()));
        }
        Ok(!applied.is_empty())
    }

    /// Waits until somebody has decided about one of the calls with these keys, in any process.
    /// Returns the decisions: each is the id of the conversation with the call, and the change.
    pub(crate) async fn decided(&self, keys: &[String]) -> Result<Vec<(String, Change)>, JournalError> {
        let decided = self.journal.decided_calls(self.number, &self.id, keys).await?;
        let mut state = self.state();
        for (id, change) in &decided {
            let _ = state.session.apply(id, &Entry::Change(change.clone()));
        }
        Ok(decided)
    }

    /// Whether others have decided about calls that wait in the known state.
    pub(super) fn is_decided(&self, known: &Conversation) -> Result<bool, JournalError> {
        Ok(!self.journal.apply_decisions(&mut known.clone())?.is_empty())
    }
}
