//! Taking up a conversation where the journal has it.

use std::collections::HashSet;

use agent_core::Conversation;

use crate::{
    Entry, Journal, JournalError,
    fold::{State, fold},
    ledger::{Kept, Ledger, news},
};

impl Journal {
    /// Makes of the conversation what the journal has of it, or begins a session.
    pub(crate) async fn take_up(&self, conversation: &mut Conversation) -> Result<Ledger, JournalError> {
        let id = conversation.id().to_owned();
        let Some((number, rows)) = self.rows_of(&id)? else {
            let number = self.begin(conversation).await?;
            let state = State { conversation: conversation.clone(), started: HashSet::new() };
            return Ok(Ledger::new(self.clone(), number, state));
        };
        let state = fold(self.file(), &id, &rows)?;
        let told = since(&state.conversation, conversation)?;
        let ledger = Ledger::new(self.clone(), number, state);
        if !told.is_empty() {
            ledger.append(&id, &told, &id, Kept::Nothing).await?;
        }
        *conversation = ledger.conversation();
        Ok(ledger)
    }
}

/// What was said in memory since; nothing if the journal has come further.
fn since(known: &Conversation, conversation: &Conversation) -> Result<Vec<Entry>, JournalError> {
    let (have, given) = (known.messages(), conversation.messages());
    if have.starts_with(given) {
        return Ok(Vec::new());
    }
    let goes_on = given.starts_with(have);
    let told = goes_on.then(|| news(known, conversation)).flatten();
    let told = told.ok_or_else(|| JournalError::Diverged { id: known.id().to_owned() })?;
    Ok(told.into_iter().map(Entry::Told).collect())
}
