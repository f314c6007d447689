//! From entries to the conversation they are about.

use std::collections::HashSet;

use agent_core::{Conversation, conversation::Change};

use crate::{Entry, JournalError, entry::Written, file::File};

/// An entry and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) seq: i64,
    /// From the session's own conversation to the delegated one it is about; empty for its own.
    pub(crate) path: String,
    pub(crate) at: i64,
    pub(crate) written: Written,
}

/// What the entries of a session come to.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The session's own conversation, with those delegated from it.
    pub(crate) conversation: Conversation,
    /// The keys of calls that began and may not be made twice, and whose end is not known.
    pub(crate) started: HashSet<String>,
}

impl State {
    /// Takes in one more entry; the error says why it can't follow.
    pub(crate) fn take(&mut self, id: &str, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Became(conversation) => {
                let own = self.conversation.id().to_owned();
                self.conversation = (**conversation).clone().with_id(own);
            }
            Entry::Started(call) => drop(self.started.insert(key(id, &call.id))),
            Entry::Change(told) => {
                if let Change::Recorded { call, .. } = told {
                    self.started.remove(&key(id, call));
                }
                self.conversation.apply(id, told.clone()).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

/// What a call is known by, everywhere and for good: see [`Context::key`](agent_core::Context).
pub(crate) fn key(conversation: &str, call: &str) -> String {
    format!("{conversation}/{call}")
}

/// The id of the conversation that stands at this path in the session.
pub(crate) fn at(session: &str, path: &str) -> String {
    if path.is_empty() { session.to_owned() } else { format!("{session}/{path}") }
}

impl Row {
    pub(crate) fn entry(&self, file: &File) -> Result<Entry, JournalError> {
        self.written.read().map_err(|why| file.damaged(format!("entry {}: {why}", self.seq)))
    }
}

/// The state of the session of this id after these entries, of which there is at least one.
pub(crate) fn fold(file: &File, session: &str, rows: &[Row]) -> Result<State, JournalError> {
    let begins = || file.damaged(format!("session {session:?} does not begin with a conversation"));
    let wrong = |row: &Row, why| file.damaged(format!("session {session:?}, entry {}: {why}", row.seq));
    let read = |row: &Row| row.written.read().map_err(|why| wrong(row, why));
    let (first, rest) = rows.split_first().ok_or_else(begins)?;
    let Entry::Became(conversation) = read(first)? else { return Err(begins()) };
    let mut state = State { conversation: conversation.with_id(session), started: HashSet::new() };
    for row in rest {
        let taken = state.take(&at(session, &row.path), &read(row)?);
        taken.map_err(|why| wrong(row, why))?;
    }
    Ok(state)
}
