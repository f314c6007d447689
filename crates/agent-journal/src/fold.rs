//! Builds a conversation from its entries.

use std::collections::HashSet;

use agent_core::{Conversation, conversation::Change};

use crate::{Entry, JournalError, entry::StoredEntry, file::JournalFile};

/// A row of the table of entries.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) seq: i64,
    /// The path from the conversation of the session to the delegated one that the entry is about.
    /// Empty for the conversation of the session.
    pub(crate) path: String,
    pub(crate) at: i64,
    pub(crate) written: StoredEntry,
}

/// The state of a session after its entries.
#[derive(Clone, Debug)]
pub(crate) struct SessionState {
    /// The conversation of the session, including those delegated from it.
    pub(crate) conversation: Conversation,
    /// The keys of calls that started, must not be made twice, and have no result yet.
    pub(crate) started: HashSet<String>,
}

impl SessionState {
    /// Applies one more entry. The error says why it can't follow the others.
    pub(crate) fn apply(&mut self, id: &str, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Became(conversation) => {
                let own = self.conversation.id().to_owned();
                self.conversation = (**conversation).clone().with_id(own);
            }
            Entry::Started(call) => drop(self.started.insert(call_key(id, &call.id))),
            Entry::Change(change) => {
                if let Change::Recorded { call, .. } = change {
                    self.started.remove(&call_key(id, call));
                }
                self.conversation.apply(id, change.clone()).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

/// The key of a call. It never changes, and it is the same everywhere: see
/// [`Context::key`](agent_core::Context).
pub(crate) fn call_key(conversation: &str, call: &str) -> String {
    format!("{conversation}/{call}")
}

/// The id of the conversation at this path in the session.
pub(crate) fn conversation_id(session: &str, path: &str) -> String {
    if path.is_empty() { session.to_owned() } else { format!("{session}/{path}") }
}

impl Row {
    /// The key of the call that the entry is about.
    pub(crate) fn key(&self, session: &str) -> Option<String> {
        Some(call_key(&conversation_id(session, &self.path), self.written.call.as_deref()?))
    }

    pub(crate) fn entry(&self, file: &JournalFile) -> Result<Entry, JournalError> {
        self.written.read().map_err(|why| file.damaged(format!("entry {}: {why}", self.seq)))
    }
}

/// The state of a session after these entries. There must be at least one.
pub(crate) fn fold(file: &JournalFile, session: &str, rows: &[Row]) -> Result<SessionState, JournalError> {
    let begins = || file.damaged(format!("session {session:?} does not begin with a conversation"));
    let wrong = |row: &Row, why| file.damaged(format!("session {session:?}, entry {}: {why}", row.seq));
    let read = |row: &Row| row.written.read().map_err(|why| wrong(row, why));
    let (first, rest) = rows.split_first().ok_or_else(begins)?;
    let Entry::Became(conversation) = read(first)? else { return Err(begins()) };
    let mut state = SessionState { conversation: conversation.with_id(session), started: HashSet::new() };
    for row in rest {
        let applied = state.apply(&conversation_id(session, &row.path), &read(row)?);
        applied.map_err(|why| wrong(row, why))?;
    }
    Ok(state)
}
