//! The lease: who drives a session, so that nobody else does.

use std::{process, sync::Arc};

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    Driver, Journal, JournalError,
    file::File,
    holder::{Holder, Seen, TERM},
    table::{Number, now},
};

/// A session that is driven by who has this. It ends when this is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct Lease {
    journal: Journal,
    id: String,
    holder: Arc<Holder>,
}

impl Lease {
    /// Of a session that nobody in this process drives by this journal; it is still to be [taken](take).
    pub(crate) fn begin(journal: &Journal, id: &str) -> Result<Self, JournalError> {
        let holder = journal.holder()?;
        match holder.begin(id) {
            true => Ok(Self { journal: journal.clone(), id: id.to_owned(), holder }),
            false => Err(JournalError::Driven { id: id.to_owned(), by: Driver::ThisProcess }),
        }
    }

    pub(crate) fn holder(&self) -> Arc<Holder> {
        self.holder.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (id, name) = (std::mem::take(&mut self.id), self.holder.name.clone());
        let given_up = id.clone();
        let give_up = move |connection: &Connection| {
            let sql = "DELETE FROM leases WHERE holder = ?1 AND session = (SELECT number FROM sessions WHERE id = ?2)";
            // What stays is taken for what it is: a lease of a process that has ended, once it has.
            Ok(connection.execute(sql, params![name, given_up]).unwrap_or_default())
        };
        // Sent first, so it is written before whatever takes the session next in this process: that begins after the end.
        drop(self.journal.write(give_up, |_| ()));
        self.holder.end(&id);
    }
}

/// Has the session driven by this holder, which has [begun](Lease::begin), and nobody else.
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{future::Future, thread};

    use super::*;
    use crate::table;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn who_takes_a_session_that_was_just_given_up_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().join("runs.journal")).unwrap();
        let add = |connection: &Connection| Ok(table::add_session(connection, "s").unwrap());
        let session = block_on(journal.write(add, |_| ())).unwrap();
        // Each takes it as soon as it can, sees that it still has it once that is on the disk, and gives it up.
        let drive = || {
            let mut held = 0;
            while held < 50 {
                let Ok(lease) = Lease::begin(&journal, "s") else {
                    thread::yield_now();
                    continue;
                };
                let (file, holder) = (journal.file().clone(), lease.holder());
                let name = holder.name.clone();
                let take =
                    move |connection: &Connection| super::take(&file, connection, "s", session, &holder);
                block_on(journal.write(take, |_| ())).unwrap();
                let look = move |connection: &Connection| Ok(is_held(connection, session, &name).unwrap());
                assert!(block_on(journal.write(look, |_| ())).unwrap());
                held += 1;
            }
        };
        thread::scope(|scope| {
            let all = [(); 4].map(|()| scope.spawn(drive));
            all.into_iter().for_each(|one| one.join().unwrap());
        });
    }
}
