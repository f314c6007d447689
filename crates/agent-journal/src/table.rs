//! Reads and writes the tables of sessions and entries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use crate::{entry::StoredEntry, fold::Row};

/// The number of a session in the file.
pub(crate) type SessionNumber = i64;

/// The current time, in ms since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time so many ms after 1970.
pub(crate) fn time(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

/// The version of the file, from SQLite. It changes after each write by another connection.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}

pub(crate) fn session_number(connection: &Connection, id: &str) -> rusqlite::Result<Option<SessionNumber>> {
    let mut find = connection.prepare_cached("SELECT number FROM sessions WHERE id = ?1")?;
    find.query_row([id], |row| row.get(0)).optional()
}

pub(crate) fn add_session(connection: &Connection, id: &str) -> rusqlite::Result<SessionNumber> {
    connection.execute("INSERT INTO sessions (id, began) VALUES (?1, ?2)", params![id, now()])?;
    Ok(connection.last_insert_rowid())
}

/// Deletes a session with its entries and its lease.
pub(crate) fn delete_session(connection: &Connection, session: SessionNumber) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM sessions WHERE number = ?1", [session]).map(drop)
}

/// The trace of the run of a session that has not ended.
pub(crate) fn trace(connection: &Connection, session: SessionNumber) -> rusqlite::Result<Option<String>> {
    let mut find = connection.prepare_cached("SELECT trace FROM sessions WHERE number = ?1")?;
    find.query_row([session], |row| row.get(0))
}

pub(crate) fn set_trace(
    connection: &Connection,
    session: SessionNumber,
    trace: Option<&str>,
) -> rusqlite::Result<()> {
    let mut set = connection.prepare_cached("UPDATE sessions SET trace = ?2 WHERE number = ?1")?;
    set.execute(params![session, trace]).map(drop)
}

/// The sessions whose runs somebody has cancelled.
pub(crate) fn cancels(connection: &Connection) -> rusqlite::Result<Vec<SessionNumber>> {
    let mut all = connection.prepare_cached("SELECT session FROM cancels")?;
    all.query_map((), |row| row.get(0))?.collect()
}

pub(crate) fn add_cancel(connection: &Connection, session: SessionNumber) -> rusqlite::Result<()> {
    connection.execute("INSERT OR IGNORE INTO cancels (session) VALUES (?1)", [session]).map(drop)
}

pub(crate) fn remove_cancel(connection: &Connection, session: SessionNumber) -> rusqlite::Result<()> {
    let mut remove = connection.prepare_cached("DELETE FROM cancels WHERE session = ?1")?;
    remove.execute([session]).map(drop)
}

pub(crate) fn rows(connection: &Connection, session: SessionNumber) -> rusqlite::Result<Vec<Row>> {
    let mut all = connection.prepare_cached(
        "SELECT seq, path, at, kind, call, body FROM entries WHERE session = ?1 ORDER BY seq",
    )?;
    all.query_map([session], row)?.collect()
}

/// The decisions about calls, and the results, after an entry. The results are without their content.
pub(crate) fn decisions(
    connection: &Connection,
    session: SessionNumber,
    after: i64,
) -> rusqlite::Result<Vec<Row>> {
    let mut all = connection.prepare_cached(
        "SELECT seq, path, at, kind, call, iif(kind = 'recorded', '', body) FROM entries
         WHERE session = ?1 AND seq > ?2 AND kind IN ('recorded', 'allowed', 'denied') ORDER BY seq",
    )?;
    all.query_map([session, after], row)?.collect()
}

/// When an entry was written, in ms since 1970.
pub(crate) fn written_at(connection: &Connection, seq: i64) -> rusqlite::Result<Option<i64>> {
    let mut find = connection.prepare_cached("SELECT at FROM entries WHERE seq = ?1")?;
    find.query_row([seq], |row| row.get(0)).optional()
}

pub(crate) fn row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let written = StoredEntry { kind: row.get(3)?, call: row.get(4)?, body: row.get(5)? };
    Ok(Row { seq: row.get(0)?, path: row.get(1)?, at: row.get(2)?, written })
}

pub(crate) fn add_entry(
    connection: &Connection,
    session: SessionNumber,
    path: &str,
    at: i64,
    entry: &StoredEntry,
) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO entries (session, path, kind, call, body, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let StoredEntry { kind, call, body } = entry;
    add.execute(params![session, path, kind, call, body, at]).map(drop)
}
