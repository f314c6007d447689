//! The tables: what is read from them and written to them, in SQL.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use crate::{entry::Written, fold::Row};

/// A session's number in the file.
pub(crate) type Number = i64;

/// Now, in ms since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn number(connection: &Connection, id: &str) -> rusqlite::Result<Option<Number>> {
    let mut find = connection.prepare_cached("SELECT number FROM sessions WHERE id = ?1")?;
    find.query_row([id], |row| row.get(0)).optional()
}

pub(crate) fn ids(connection: &Connection) -> rusqlite::Result<Vec<(Number, String)>> {
    let mut all = connection.prepare_cached("SELECT number, id FROM sessions ORDER BY number")?;
    all.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

pub(crate) fn add_session(connection: &Connection, id: &str) -> rusqlite::Result<Number> {
    connection.execute("INSERT INTO sessions (id, began) VALUES (?1, ?2)", params![id, now()])?;
    Ok(connection.last_insert_rowid())
}

/// With its entries and its lease.
pub(crate) fn delete_session(connection: &Connection, session: Number) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM sessions WHERE number = ?1", [session]).map(drop)
}

pub(crate) fn rows(connection: &Connection, session: Number) -> rusqlite::Result<Vec<Row>> {
    let mut all = connection.prepare_cached(
        "SELECT seq, path, at, kind, call, body FROM entries WHERE session = ?1 ORDER BY seq",
    )?;
    all.query_map([session], row)?.collect()
}

pub(crate) fn row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let written = Written { kind: row.get(3)?, call: row.get(4)?, body: row.get(5)? };
    Ok(Row { seq: row.get(0)?, path: row.get(1)?, at: row.get(2)?, written })
}

pub(crate) fn add_entry(
    connection: &Connection,
    session: Number,
    path: &str,
    at: i64,
    entry: &Written,
) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(
        "INSERT INTO entries (session, path, kind, call, body, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let Written { kind, call, body } = entry;
    add.execute(params![session, path, kind, call, body, at]).map(drop)
}
