//! The tables of leases and holders.

use std::process;

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    Driver, JournalError,
    file::JournalFile,
    holder::{Holder, LEASE_DURATION, Liveness},
    table::{self, SessionNumber, now},
};

/// Gives the session to this holder, which has [begun](crate::lease::Lease::begin) a lease. Fails
/// if somebody else drives it.
pub(crate) fn take(
    file: &JournalFile,
    connection: &Connection,
    id: &str,
    session: SessionNumber,
    holder: &Holder,
) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    refuse_if_driven(file, connection, id, session)?;
    // It was meant for the host before this one.
    table::remove_cancel(connection, session).map_err(wrong)?;
    let expires = (!holder.is_locked).then(next_expiry);
    let own =
        "INSERT INTO holders (name, pid, expires) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET expires = ?3";
    connection.execute(own, params![holder.name, process::id(), expires]).map_err(wrong)?;
    let lease = "INSERT INTO leases (session, holder) VALUES (?1, ?2)";
    connection.execute(lease, params![session, holder.name]).map(drop).map_err(wrong)
}

/// Fails if somebody drives the session. Removes the lease of a dead holder.
pub(crate) fn refuse_if_driven(
    file: &JournalFile,
    connection: &Connection,
    id: &str,
    session: SessionNumber,
) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    let Some((name, pid, expires)) = holder_of(connection, session).map_err(wrong)? else { return Ok(()) };
    if is_alive(file, &name, expires) {
        let by = if Holder::is_in_this_process(&name) { Driver::ThisProcess } else { Driver::Process(pid) };
        return Err(JournalError::Driven { id: id.to_owned(), by });
    }
    connection.execute("DELETE FROM holders WHERE name = ?1", [&name]).map_err(wrong)?;
    Holder::remove_lock_file(&file.path, &name);
    Ok(())
}

/// The id of the process that drives the session, if one does.
pub(crate) fn driven_by(
    file: &JournalFile,
    connection: &Connection,
    session: SessionNumber,
) -> rusqlite::Result<Option<u32>> {
    let holder = holder_of(connection, session)?;
    Ok(holder.filter(|(name, _, expires)| is_alive(file, name, *expires)).map(|(_, pid, _)| pid))
}

/// Extends the leases of this holder. It is needed only where files can't be locked.
pub(crate) fn renew(connection: &Connection, holder: &str) {
    let sql = "UPDATE holders SET expires = ?1 WHERE name = ?2";
    // If this fails, it is tried again before the lease ends.
    let _ = connection.execute(sql, params![next_expiry(), holder]);
}

/// Whether this holder drives the session.
pub(crate) fn is_held(
    connection: &Connection,
    session: SessionNumber,
    holder: &str,
) -> rusqlite::Result<bool> {
    let mut find = connection.prepare_cached("SELECT 1 FROM leases WHERE session = ?1 AND holder = ?2")?;
    find.exists(params![session, holder])
}

type HolderRow = (String, u32, Option<i64>);

fn holder_of(connection: &Connection, session: SessionNumber) -> rusqlite::Result<Option<HolderRow>> {
    let sql = "SELECT name, pid, expires FROM leases JOIN holders ON name = holder WHERE session = ?1";
    let mut find = connection.prepare_cached(sql)?;
    find.query_row([session], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
}

/// Whether a holder is alive. Its lock says so, or where there are no locks, the end of its lease.
fn is_alive(file: &JournalFile, name: &str, expires: Option<i64>) -> bool {
    match (Holder::check(&file.path, name), expires) {
        (_, Some(expires)) => now() < expires,
        (Liveness::Dead, None) => false,
        (Liveness::Alive | Liveness::Unknown, None) => true,
    }
}

fn next_expiry() -> i64 {
    now() + i64::try_from(LEASE_DURATION.as_millis()).expect("it is half a minute")
}
