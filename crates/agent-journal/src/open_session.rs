//! Opens the session of a conversation, to drive it.

use std::{collections::HashSet, sync::Arc};

use agent_core::{
    Conversation,
    conversation::{SessionIdError, check_session_id},
};
use rusqlite::Connection;

use crate::{
    Entry, Journal, JournalError,
    fold::{SessionState, fold},
    holder::Holder,
    lease::Lease,
    leases,
    ledger::{Completed, Ledger},
    table,
    unrecorded::{is_earlier_state, unrecorded_changes},
};

impl Journal {
    /// Opens the session of this conversation, or starts a new one, and takes its lease. The
    /// conversation becomes the saved state.
    pub(crate) async fn open_session(
        &self,
        conversation: &mut Conversation,
    ) -> Result<(Ledger, Lease), JournalError> {
        let id = conversation.id().to_owned();
        let lease = Lease::begin(self, &id)?;
        let (number, is_new) = self.take_session(conversation, lease.holder()).await?;
        let state = match is_new {
            true => SessionState { conversation: conversation.clone(), started: HashSet::new() },
            false => fold(self.file(), &id, &self.rows(&id)?.1)?,
        };
        // An earlier version started this session under the default id. Another conversation with
        // the default id must not read its content.
        if id == Conversation::DEFAULT_ID && !is_earlier_state(&state.conversation, conversation) {
            return Err(SessionIdError::NotItsOwn.into());
        }
        let trace = self.with_reader(|connection| table::trace(connection, number))?;
        let ledger = Ledger::new(self.clone(), number, state, trace);
        ledger.write_decisions(conversation).await?;
        let changes = changes_in_memory(&ledger.conversation(), conversation)?;
        if !changes.is_empty() {
            ledger.append(&id, &changes, &id, Completed::Nothing).await?;
        }
        *conversation = ledger.conversation();
        Ok((ledger, lease))
    }

    /// Takes the session for this holder. Returns its number, and whether it is new.
    async fn take_session(
        &self,
        conversation: &Conversation,
        holder: Arc<Holder>,
    ) -> Result<(table::SessionNumber, bool), JournalError> {
        let (file, id) = (self.file().clone(), conversation.id().to_owned());
        let first_entry = Entry::Became(Box::new(conversation.clone())).write();
        let take_session = move |connection: &Connection| {
            let wrong = |error| file.error(&error);
            let known = table::session_number(connection, &id).map_err(wrong)?;
            let number = match known {
                Some(number) => number,
                None => {
                    // Sessions that earlier versions started under such an id can be continued.
                    check_session_id(&id)?;
                    let number = table::add_session(connection, &id).map_err(wrong)?;
                    table::add_entry(connection, number, "", table::now(), &first_entry).map_err(wrong)?;
                    number
                }
            };
            leases::take(&file, connection, &id, number, &holder)?;
            Ok((number, known.is_none()))
        };
        self.write(take_session, |_| ()).await
    }
}

/// Changes in memory that are not in the journal. None if the journal is newer.
fn changes_in_memory(known: &Conversation, conversation: &Conversation) -> Result<Vec<Entry>, JournalError> {
    if is_earlier_state(conversation, known) {
        return Ok(Vec::new());
    }
    let changes = unrecorded_changes(known, conversation)
        .ok_or_else(|| JournalError::Diverged { id: known.id().to_owned() })?;
    Ok(changes.into_iter().map(Entry::Change).collect())
}
