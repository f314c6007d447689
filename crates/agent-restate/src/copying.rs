//! Copies sessions.

use agent_core::{Conversation, conversation::check_session_id};

use crate::{Restate, RestateError, kept_turns::Copied};

impl Restate {
    /// Copies a session to a new one, to continue the copy in another direction. With `turns`, the
    /// copy ends after that many replies of the model and the results of their calls. With `None`,
    /// everything is copied. The copy has no events. Fails with [`RestateError::Exists`] if there is
    /// a session with the new id, and with [`RestateError::NoSuchTurn`] if the session has fewer
    /// replies.
    ///
    /// The engine keeps how a session was after each turn that it has driven, until these states
    /// have 2 MB. It fails with [`RestateError::TurnNotKept`] for other turns.
    ///
    /// Calls in the copy have other [keys](agent_core::Context::key). So a call that has no result
    /// yet may be made once in each of the two.
    pub async fn fork(&self, id: &str, turns: Option<usize>, new_id: &str) -> Result<(), RestateError> {
        check_session_id(new_id)?;
        let copied: Option<Copied> = self.call_with(id, "copied", turns).await?;
        let id = id.to_owned();
        let mut copy = match (copied, turns) {
            (Some(Copied::Copy(copy)), _) => copy,
            (Some(Copied::NoSuchTurn { turns }), Some(turn)) => {
                return Err(RestateError::NoSuchTurn { id, turn, turns });
            }
            (Some(_), turn) => {
                return Err(RestateError::TurnNotKept { id, turn: turn.unwrap_or_default() });
            }
            (None, _) => return Err(RestateError::Unknown { id }),
        };
        if copy.is_latest {
            self.put_delegated(&mut copy.conversation).await?;
        }
        self.call_with(new_id, "copy", copy).await
    }

    /// The conversation with those that were delegated from it and run now.
    pub(crate) async fn whole(&self, id: &str) -> Result<Option<Conversation>, RestateError> {
        let Some(mut conversation) = self.history(id).await? else { return Ok(None) };
        self.put_delegated(&mut conversation).await?;
        Ok(Some(conversation))
    }

    async fn put_delegated(&self, conversation: &mut Conversation) -> Result<(), RestateError> {
        let mut parents = vec![conversation.id().to_owned()];
        while let Some(parent) = parents.pop() {
            for child in self.call::<Vec<String>>(&parent, "children", ()).await? {
                // It may have ended in the meantime.
                let Some(known) = self.history(&child).await? else { continue };
                if conversation.put_delegated(known) {
                    parents.push(child);
                }
            }
        }
        Ok(())
    }
}
