//! What people decide about calls that wait for them, from any process.

use std::collections::HashSet;

use agent_core::{
    Conversation,
    conversation::{Change, NotWaiting},
};
use rusqlite::Connection;

use crate::{
    Entry, Journal, JournalError,
    file::File,
    fold::{Row, at, fold},
    table,
};

impl Journal {
    /// Allows a call that waits for a person: the next run makes it. `key` is
    /// [`PendingApproval::key`](agent_core::conversation::PendingApproval::key). Whoever drives the session meanwhile goes on.
    pub async fn approve(&self, key: &str) -> Result<(), JournalError> {
        self.decide(key, |call| Change::Approved { call }).await
    }

    /// Denies a call that waits for a person: the model reads why.
    pub async fn deny(&self, key: &str, reason: &str) -> Result<(), JournalError> {
        let reason = reason.to_owned();
        self.decide(key, |call| Change::Denied { call, reason }).await
    }

    /// Waits until somebody, in any process, has decided about one of the calls that wait in this conversation, so that there
    /// is something to run; at once if that is so already, or if none waits. The conversation is the session's, as a run or
    /// [`conversation`](Self::conversation) gave it. Nothing has to drive the session meanwhile. A decision of another process
    /// is noticed within 100 ms.
    pub async fn decided(&self, conversation: &Conversation) -> Result<(), JournalError> {
        let waiting = keys(conversation);
        loop {
            // Before it is looked at what is there.
            let written = self.written()?;
            if waiting.is_empty() || !waiting.is_subset(&keys(&self.conversation(conversation.id())?)) {
                return Ok(());
            }
            // An error is that the journal is gone, and then the next look says so.
            let _ = written.await;
        }
    }

    async fn decide(&self, key: &str, told: impl FnOnce(String) -> Change) -> Result<(), JournalError> {
        let not_waiting = || JournalError::NotWaiting(NotWaiting { key: key.to_owned() });
        let (conversation, call) = key.rsplit_once('/').ok_or_else(not_waiting)?;
        let told = told(call.to_owned());
        let (file, conversation, error) = (self.file().clone(), conversation.to_owned(), not_waiting());
        let decide = move |connection: &Connection| {
            let wrong = |error| file.error(&error);
            let Some((session, number)) = session_of(connection, &conversation).map_err(wrong)? else {
                return Err(error);
            };
            let rows = table::rows(connection, number).map_err(wrong)?;
            // Nobody else writes meanwhile, so what waits now is what is decided.
            if !waits(&file, &session, &rows, &conversation, &told)? {
                return Err(error);
            }
            let path = conversation[session.len()..].trim_start_matches('/');
            let entry = Entry::Change(told).write();
            table::add_entry(connection, number, path, table::now(), &entry).map_err(wrong)
        };
        self.write(decide, |_| ()).await
    }

    /// What was decided by others and this conversation was not told; it is told now.
    pub(crate) fn tell_decisions(
        &self,
        conversation: &mut Conversation,
    ) -> Result<Vec<(String, Change)>, JournalError> {
        let session = conversation.id().to_owned();
        let (_, rows) = self.rows(&session)?;
        let mut told = Vec::new();
        for row in
            rows.iter().enumerate().filter_map(|(place, row)| is_open(row, &rows[place..]).then_some(row))
        {
            let Entry::Change(decision) = row.entry(self.file())? else { continue };
            let id = at(&session, &row.path);
            if conversation.apply(&id, decision.clone()).is_ok() {
                told.push((id, decision));
            }
        }
        Ok(told)
    }

    /// What was decided about a call that has not been made since.
    pub(crate) fn decision(
        &self,
        session: &str,
        path: &str,
        call: &str,
    ) -> Result<Option<Change>, JournalError> {
        let (_, rows) = self.rows(session)?;
        let is_about = |row: &Row| row.path == path && row.written.call.as_deref() == Some(call);
        let mut decisions =
            rows.iter().enumerate().filter(|(place, row)| is_about(row) && is_open(row, &rows[*place..]));
        let Some((_, row)) = decisions.next() else { return Ok(None) };
        match row.entry(self.file())? {
            Entry::Change(told) => Ok(Some(told)),
            _ => Ok(None),
        }
    }
}

/// The keys of the calls that wait.
fn keys(conversation: &Conversation) -> HashSet<String> {
    conversation.waiting().into_iter().map(|waiting| waiting.key).collect()
}

/// Whether this is a decision, and the call has led to nothing after it: that may be another question.
fn is_open(row: &Row, later: &[Row]) -> bool {
    let is_made = |later: &Row| {
        later.written.kind == "recorded" && later.path == row.path && later.written.call == row.written.call
    };
    ["allowed", "denied"].contains(&row.written.kind.as_str()) && !later.iter().any(is_made)
}

/// The session that this conversation is part of: the one of the longest id that it begins with.
fn session_of(
    connection: &Connection,
    conversation: &str,
) -> rusqlite::Result<Option<(String, table::Number)>> {
    let mut id = Some(conversation);
    while let Some(session) = id {
        if let Some(number) = table::number(connection, session)? {
            return Ok(Some((session.to_owned(), number)));
        }
        id = session.rsplit_once('/').map(|(parent, _)| parent);
    }
    Ok(None)
}

fn waits(
    file: &File,
    session: &str,
    rows: &[Row],
    conversation: &str,
    told: &Change,
) -> Result<bool, JournalError> {
    Ok(fold(file, session, rows)?.conversation.apply(conversation, told.clone()).is_ok())
}
