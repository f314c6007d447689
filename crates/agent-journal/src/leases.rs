//! The tables of leases and of who holds them.

use std::process;

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    Driver, JournalError,
    file::File,
    holder::{Holder, Seen, TERM},
    table::{Number, now},
};

/// Has the session driven by this holder, which has [begun](crate::lease::Lease::begin), and nobody else.
pub(crate) fn take(
    file: &File,
    connection: &Connection,
    id: &str,
    session: Number,
    holder: &Holder,
) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    refuse_if_driven(file, connection, id, session)?;
    let expires = (!holder.is_locked).then(next_expiry);
    let own =
        "INSERT INTO holders (name, pid, expires) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET expires = ?3";
    connection.execute(own, params![holder.name, process::id(), expires]).map_err(wrong)?;
    let lease = "INSERT INTO leases (session, holder) VALUES (?1, ?2)";
    connection.execute(lease, params![session, holder.name]).map(drop).map_err(wrong)
}

/// Fails if somebody drives the session; one who did and is dead is cleared away.
pub(crate) fn refuse_if_driven(
    file: &File,
    connection: &Connection,
    id: &str,
    session: Number,
) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    let Some((name, pid, expires)) = driver(connection, session).map_err(wrong)? else { return Ok(()) };
    if lives(file, &name, expires) {
        let by = if Holder::is_here(&name) { Driver::ThisProcess } else { Driver::Process(pid) };
        return Err(JournalError::Driven { id: id.to_owned(), by });
    }
    connection.execute("DELETE FROM holders WHERE name = ?1", [&name]).map_err(wrong)?;
    Holder::clear(&file.path, &name);
    Ok(())
}

/// The process that drives the session, if one does.
pub(crate) fn driven_by(
    file: &File,
    connection: &Connection,
    session: Number,
) -> rusqlite::Result<Option<u32>> {
    let driver = driver(connection, session)?;
    Ok(driver.filter(|(name, _, expires)| lives(file, name, *expires)).map(|(_, pid, _)| pid))
}

/// Goes on holding what this holder holds, where only that keeps it.
pub(crate) fn renew(connection: &Connection, holder: &str) {
    let sql = "UPDATE holders SET expires = ?1 WHERE name = ?2";
    // If it can't be written now, it is tried again before it runs out.
    let _ = connection.execute(sql, params![next_expiry(), holder]);
}

/// Whether the session is driven by this holder.
pub(crate) fn is_held(connection: &Connection, session: Number, holder: &str) -> rusqlite::Result<bool> {
    let mut find = connection.prepare_cached("SELECT 1 FROM leases WHERE session = ?1 AND holder = ?2")?;
    find.exists(params![session, holder])
}

type Held = (String, u32, Option<i64>);

fn driver(connection: &Connection, session: Number) -> rusqlite::Result<Option<Held>> {
    let sql = "SELECT name, pid, expires FROM leases JOIN holders ON name = holder WHERE session = ?1";
    let mut find = connection.prepare_cached(sql)?;
    find.query_row([session], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
}

/// Its lock says whether a holder lives; where there are no locks, what it has said of itself.
fn lives(file: &File, name: &str, expires: Option<i64>) -> bool {
    match (Holder::look(&file.path, name), expires) {
        (_, Some(expires)) => now() < expires,
        (Seen::Dead, None) => false,
        (Seen::Alive | Seen::Nothing, None) => true,
    }
}

fn next_expiry() -> i64 {
    now() + i64::try_from(TERM.as_millis()).expect("it is half a minute")
}
