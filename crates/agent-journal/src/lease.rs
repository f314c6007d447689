//! The lease: who drives a session, so that nobody else does.

use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::{Driver, Journal, JournalError, holder::Holder};

/// A session that is driven by who has this. It ends when this is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct Lease {
    journal: Journal,
    id: String,
    holder: Arc<Holder>,
}

impl Lease {
    /// Of a session that nobody in this process drives by this journal; it is still to be [taken](crate::leases::take).
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{future::Future, thread};

    use super::*;
    use crate::{
        leases::{is_held, take},
        table,
    };

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
                let take = move |connection: &Connection| take(&file, connection, "s", session, &holder);
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
