//! Decisions of people about waiting calls, from any process.

use std::collections::HashSet;

use agent_core::{
    Conversation,
    conversation::{Change, NotWaiting},
};
use rusqlite::Connection;

use crate::{
    Entry, Journal, JournalError,
    file::JournalFile,
    fold::{Row, conversation_id, fold},
    table::{self, SessionNumber},
};

impl Journal {
    /// Approves a call that waits for a person. `key` is
    /// [`PendingApproval::key`](agent_core::conversation::PendingApproval::key). This works in any
    /// process. If a run of the session goes on, it makes the call beside the other calls that it
    /// makes; a run in another process notices the decision within 100 ms. If no run goes on, the
    /// next one makes the call. Fails if no call with this key waits.
    pub async fn approve(&self, key: &str) -> Result<(), JournalError> {
        self.decide(key, |call| Change::Approved { call }).await
    }

    /// Denies a call that waits for a person. The call gets an error result, in which the model
    /// reads `reason`. `key`, processes and errors are as in [`approve`](Self::approve).
    pub async fn deny(&self, key: &str, reason: &str) -> Result<(), JournalError> {
        let reason = reason.to_owned();
        self.decide(key, |call| Change::Denied { call, reason }).await
    }

    /// Waits until a person has approved or denied one of the calls that wait in this conversation,
    /// so that the conversation can be run again. Returns immediately if that has already happened,
    /// or if no call waits.
    ///
    /// Pass the conversation as a run or [`conversation`](Self::conversation) returned it. The wait
    /// needs no host. A decision in another process is noticed within 100 ms.
    pub async fn decided(&self, conversation: &Conversation) -> Result<(), JournalError> {
        let waiting = waiting_keys(conversation);
        loop {
            // Start to watch before reading, so that no write is missed.
            let next_write = self.next_write()?;
            if waiting.is_empty() || !waiting.is_subset(&waiting_keys(&self.conversation(conversation.id())?))
            {
                return Ok(());
            }
            // An error means that the journal is closed. The next read then says so.
            let _ = next_write.await;
        }
    }

    async fn decide(&self, key: &str, change: impl FnOnce(String) -> Change) -> Result<(), JournalError> {
        let not_waiting = || JournalError::NotWaiting(NotWaiting { key: key.to_owned() });
        let (conversation, call) = key.rsplit_once('/').ok_or_else(not_waiting)?;
        let change = change(call.to_owned());
        let (file, conversation, error) = (self.file().clone(), conversation.to_owned(), not_waiting());
        let decide = move |connection: &Connection| {
            let wrong = |error| file.error(&error);
            let Some((session, number)) = session_containing(connection, &conversation).map_err(wrong)?
            else {
                return Err(error);
            };
            let rows = table::rows(connection, number).map_err(wrong)?;
            // Nobody else can write during this transaction. So the call still waits when the
            // decision is written.
            if !can_decide(&file, &session, &rows, &conversation, &change)? {
                return Err(error);
            }
            let path = conversation[session.len()..].trim_start_matches('/');
            let entry = Entry::Change(change).write();
            table::add_entry(connection, number, path, table::now(), &entry).map_err(wrong)
        };
        self.write(decide, |_| ()).await?;
        // A run of this process need not wait until the file is checked again.
        self.watch().waiters().wake();
        Ok(())
    }

    /// Applies the decisions of others to this conversation. Returns those that it did not have
    /// yet.
    pub(crate) fn apply_decisions(
        &self,
        conversation: &mut Conversation,
    ) -> Result<Vec<(String, Change)>, JournalError> {
        let session = conversation.id().to_owned();
        let (_, rows) = self.rows(&session)?;
        let mut applied = Vec::new();
        for (id, decision) in self.open_decisions(&session, &rows)? {
            if conversation.apply(&id, decision.clone()).is_ok() {
                applied.push((id, decision));
            }
        }
        Ok(applied)
    }

    /// Waits until a call with one of these keys has a decision, and was not made after it.
    pub(crate) async fn decided_calls(
        &self,
        number: SessionNumber,
        session: &str,
        keys: &[String],
    ) -> Result<Vec<(String, Change)>, JournalError> {
        let (mut last, mut rows) = (0, Vec::new());
        loop {
            // Start to watch before reading, so that no write is missed.
            let next_write = self.next_write()?;
            let new = self.with_reader(|connection| table::decisions(connection, number, last))?;
            last = new.last().map_or(last, |row| row.seq);
            rows.extend(
                new.into_iter().filter(|row| row.key(session).is_some_and(|key| keys.contains(&key))),
            );
            let decided = self.open_decisions(session, &rows)?;
            if !decided.is_empty() {
                return Ok(decided);
            }
            // An error means that the journal is closed. The next read then says so.
            let _ = next_write.await;
        }
    }

    /// The decisions among these entries whose calls have no result after them.
    fn open_decisions(&self, session: &str, rows: &[Row]) -> Result<Vec<(String, Change)>, JournalError> {
        let mut decided = Vec::new();
        let open = rows.iter().enumerate().filter(|(place, row)| is_open_decision(row, &rows[*place..]));
        for (_, row) in open {
            if let Entry::Change(decision) = row.entry(self.file())? {
                decided.push((conversation_id(session, &row.path), decision));
            }
        }
        Ok(decided)
    }

    /// The decision about a call that has not been made since.
    pub(crate) fn decision(
        &self,
        session: &str,
        path: &str,
        call: &str,
    ) -> Result<Option<Change>, JournalError> {
        let (_, rows) = self.rows(session)?;
        let is_about = |row: &Row| row.path == path && row.written.call.as_deref() == Some(call);
        let mut decisions = rows
            .iter()
            .enumerate()
            .filter(|(place, row)| is_about(row) && is_open_decision(row, &rows[*place..]));
        let Some((_, row)) = decisions.next() else { return Ok(None) };
        match row.entry(self.file())? {
            Entry::Change(decision) => Ok(Some(decision)),
            _ => Ok(None),
        }
    }
}

/// The keys of the calls that wait.
fn waiting_keys(conversation: &Conversation) -> HashSet<String> {
    conversation.waiting().into_iter().map(|waiting| waiting.key).collect()
}

/// Whether this is a decision whose call has no result after it. The result may be another
/// question.
fn is_open_decision(row: &Row, later: &[Row]) -> bool {
    let has_result = |later: &Row| {
        later.written.kind == "recorded" && later.path == row.path && later.written.call == row.written.call
    };
    ["allowed", "denied"].contains(&row.written.kind.as_str()) && !later.iter().any(has_result)
}

/// The session that this conversation belongs to: the one with the longest id that this id starts
/// with.
fn session_containing(
    connection: &Connection,
    conversation: &str,
) -> rusqlite::Result<Option<(String, table::SessionNumber)>> {
    let mut id = Some(conversation);
    while let Some(session) = id {
        if let Some(number) = table::session_number(connection, session)? {
            return Ok(Some((session.to_owned(), number)));
        }
        id = session.rsplit_once('/').map(|(parent, _)| parent);
    }
    Ok(None)
}

/// Whether this decision can be applied: the call must wait.
fn can_decide(
    file: &JournalFile,
    session: &str,
    rows: &[Row],
    conversation: &str,
    change: &Change,
) -> Result<bool, JournalError> {
    Ok(fold(file, session, rows)?.conversation.apply(conversation, change.clone()).is_ok())
}
