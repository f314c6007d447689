//! Reads and writes the table of events.

use agent_core::{Event, sessions::SessionEvent};
use rusqlite::{Connection, params};

use crate::{
    JournalError,
    file::JournalFile,
    table::{SessionNumber, time},
};

/// A row of the table of events.
pub(crate) struct EventRow {
    number: i64,
    began: i64,
    body: String,
}

/// The number of the newest event of a session. 0 if there is none.
pub(crate) fn last(connection: &Connection, session: SessionNumber) -> rusqlite::Result<u64> {
    let mut find =
        connection.prepare_cached("SELECT coalesce(max(number), 0) FROM events WHERE session = ?1")?;
    find.query_row([session], |row| row.get(0)).map(positive)
}

/// Adds events of a run that began at `began`, in ms since 1970.
pub(crate) fn add<'a>(
    connection: &Connection,
    session: SessionNumber,
    began: i64,
    events: impl Iterator<Item = &'a Event>,
) -> rusqlite::Result<()> {
    let first = last(connection, session)? + 1;
    let mut add = connection
        .prepare_cached("INSERT INTO events (session, number, began, body) VALUES (?1, ?2, ?3, ?4)")?;
    for (number, event) in (first..).zip(events) {
        let body = serde_json::to_string(event).expect("events can always be written as JSON");
        add.execute(params![session, signed(number), began, body])?;
    }
    Ok(())
}

/// At most `limit` events of a session, those after number `after`.
pub(crate) fn after(
    connection: &Connection,
    session: SessionNumber,
    after: u64,
    limit: u32,
) -> rusqlite::Result<Vec<EventRow>> {
    let mut find = connection.prepare_cached(
        "SELECT number, began, body FROM events WHERE session = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    find.query_map(params![session, signed(after), limit], |row| {
        Ok(EventRow { number: row.get(0)?, began: row.get(1)?, body: row.get(2)? })
    })?
    .collect()
}

impl EventRow {
    pub(crate) fn read(&self, file: &JournalFile) -> Result<SessionEvent, JournalError> {
        let event: Event = serde_json::from_str(&self.body)
            .map_err(|error| file.damaged(format!("event {} can't be read: {error}", self.number)))?;
        let (offset, run_began) = (positive(self.number), time(self.began));
        Ok(SessionEvent { offset, run_began, event })
    }
}

/// Numbers of events are never negative, unless somebody else has written them.
fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
