//! Taking up a conversation where the journal has it.

use std::{collections::HashSet, sync::Arc};

use agent_core::{
    Conversation,
    conversation::{SessionIdError, check_session_id},
};
use rusqlite::Connection;

use crate::{
    Entry, Journal, JournalError,
    fold::{State, fold},
    holder::Holder,
    lease::Lease,
    leases,
    ledger::{Kept, Ledger},
    news::{goes_on, news},
    table,
};

impl Journal {
    /// Makes of the conversation what the journal has of it, or begins a session. Nobody else drives it meanwhile.
    pub(crate) async fn take_up(
        &self,
        conversation: &mut Conversation,
    ) -> Result<(Ledger, Lease), JournalError> {
        let id = conversation.id().to_owned();
        let lease = Lease::begin(self, &id)?;
        let (number, is_new) = self.take(conversation, lease.holder()).await?;
        let state = match is_new {
            true => State { conversation: conversation.clone(), started: HashSet::new() },
            false => fold(self.file(), &id, &self.rows(&id)?.1)?,
        };
        // An earlier version began it. Another conversation that was given no id must not read what was said there.
        if id == Conversation::DEFAULT_ID && !goes_on(&state.conversation, conversation) {
            return Err(SessionIdError::NotItsOwn.into());
        }
        let ledger = Ledger::new(self.clone(), number, state);
        ledger.write_decisions(conversation).await?;
        let told = since(&ledger.conversation(), conversation)?;
        if !told.is_empty() {
            ledger.append(&id, &told, &id, Kept::Nothing).await?;
        }
        *conversation = ledger.conversation();
        Ok((ledger, lease))
    }

    /// Has this holder drive the conversation's session; its number, and whether it is a new one.
    async fn take(
        &self,
        conversation: &Conversation,
        holder: Arc<Holder>,
    ) -> Result<(table::Number, bool), JournalError> {
        let (file, id) = (self.file().clone(), conversation.id().to_owned());
        let begins = Entry::Became(Box::new(conversation.clone())).write();
        let take = move |connection: &Connection| {
            let wrong = |error| file.error(&error);
            let known = table::number(connection, &id).map_err(wrong)?;
            let number = match known {
                Some(number) => number,
                None => {
                    // Sessions that earlier versions began under an odd one are gone on with.
                    check_session_id(&id)?;
                    let number = table::add_session(connection, &id).map_err(wrong)?;
                    table::add_entry(connection, number, "", table::now(), &begins).map_err(wrong)?;
                    number
                }
            };
            leases::take(&file, connection, &id, number, &holder)?;
            Ok((number, known.is_none()))
        };
        self.write(take, |_| ()).await
    }
}

/// What else was said in memory since; nothing if the journal has come further.
fn since(known: &Conversation, conversation: &Conversation) -> Result<Vec<Entry>, JournalError> {
    if goes_on(conversation, known) {
        return Ok(Vec::new());
    }
    let told =
        news(known, conversation).ok_or_else(|| JournalError::Diverged { id: known.id().to_owned() })?;
    Ok(told.into_iter().map(Entry::Change).collect())
}
