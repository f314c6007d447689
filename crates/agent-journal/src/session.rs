//! Sessions: listing, forking and deleting them.

use std::time::SystemTime;

use agent_core::{End, Usage, conversation::check_session_id};
use rusqlite::Connection;

use crate::{
    Journal, JournalError,
    entry::StoredEntry,
    fold::Row,
    leases,
    table::{self, SessionNumber},
};

/// A summary of one session in a journal, as [`Journal::sessions`] lists it. A session is a
/// conversation together with the conversations that were delegated from it.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Session {
    /// The id of the session, which is the id of its conversation.
    pub id: String,
    /// The agent that the user talks to now.
    pub agent: String,
    /// When it began.
    pub began: SystemTime,
    /// When the last entry was written.
    pub changed: SystemTime,
    /// How many replies of models the conversation has. Replies in delegated conversations are not
    /// counted.
    pub turns: usize,
    /// The tokens that all models have used, including those in delegated conversations.
    pub usage: Usage,
    /// How the last run ended; [`End::Waiting`] lists the calls that wait for a person. `None` if
    /// the agents still have work to do.
    pub end: Option<End>,
    /// The process id (pid) of the process that drives the session now; `None` if no process does.
    pub driven_by: Option<u32>,
    /// The offset of the newest event that was [kept](crate::JournalHost::keep_events). 0 if there
    /// is none.
    pub last_event: u64,
}

impl Journal {
    /// Copies a session to a new one, to continue the copy in another direction. With `turns`, the
    /// copy ends after that many replies of the model and the results of their calls. With `None`,
    /// everything is copied. Fails if the session has fewer replies, if there is a session with the
    /// new id, or if [`check_session_id`] refuses the new id.
    ///
    /// Calls in the copy have other keys, which begin with the new id. So a call without a result
    /// may be made once in each copy that is run, each time with another key: a call under way
    /// whose tool is idempotent, or a call that waits for a person or is already approved. A
    /// service that uses the key to pay only once then pays twice. To avoid that, run the session
    /// to its answer before you copy it, or run only one of the two.
    pub async fn fork(&self, id: &str, turns: Option<usize>, new_id: &str) -> Result<(), JournalError> {
        let (_, rows) = self.rows(id)?;
        let keep = match turns {
            None => rows.len(),
            Some(turns) => entries_up_to(&rows, turns).ok_or_else(|| JournalError::NoSuchTurn {
                id: id.to_owned(),
                turn: turns,
                turns: rows.iter().filter(|row| is_turn(row)).count(),
            })?,
        };
        self.add_session(new_id, rows.into_iter().take(keep).collect()).await
    }

    /// Deletes a session. Fails with [`JournalError::Driven`] if a host drives the session now.
    pub async fn delete(&self, id: &str) -> Result<(), JournalError> {
        let (file, id) = (self.file().clone(), id.to_owned());
        let delete = move |connection: &Connection| {
            let wrong = |error| file.error(&error);
            let number = table::session_number(connection, &id).map_err(wrong)?;
            let number = number.ok_or_else(|| JournalError::UnknownSession { id: id.clone() })?;
            leases::refuse_if_driven(&file, connection, &id, number)?;
            table::delete_session(connection, number).map_err(wrong)
        };
        self.write(delete, |_| ()).await
    }

    /// Adds a session with these entries.
    pub(crate) async fn add_session(&self, id: &str, rows: Vec<Row>) -> Result<(), JournalError> {
        let (file, id) = (self.file().clone(), id.to_owned());
        let add = move |connection: &Connection| {
            check_session_id(&id)?;
            let wrong = |error| file.error(&error);
            if table::session_number(connection, &id).map_err(wrong)?.is_some() {
                return Err(JournalError::SessionExists { id });
            }
            let number: SessionNumber = table::add_session(connection, &id).map_err(wrong)?;
            rows.iter()
                .try_for_each(|Row { path, at, written, .. }| {
                    table::add_entry(connection, number, path, *at, written)
                })
                .map_err(wrong)
        };
        self.write(add, |_| ()).await
    }
}

/// How many entries belong to the first `turns` turns and their results. `None` if there are fewer
/// turns.
fn entries_up_to(rows: &[Row], turns: usize) -> Option<usize> {
    let steps = ["said", "answered", "failed", "spent", "returned", "taken_back", "became"];
    let is_step = |row: &Row| row.path.is_empty() && steps.contains(&row.written.kind.as_str());
    let mut seen = 0;
    for (place, row) in rows.iter().enumerate().skip(1) {
        if seen == turns && is_step(row) {
            return Some(place);
        }
        seen += usize::from(is_turn(row));
    }
    (seen == turns).then_some(rows.len())
}

pub(crate) fn is_turn(Row { path, written: StoredEntry { kind, .. }, .. }: &Row) -> bool {
    path.is_empty() && kind == "answered"
}
