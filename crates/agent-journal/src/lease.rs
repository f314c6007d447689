//! The lease: it makes sure that only one host drives a session.

use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::{Driver, Journal, JournalError, holder::Holder};

/// Permission to drive a session. It ends when this is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct Lease {
    journal: Journal,
    id: String,
    holder: Arc<Holder>,
}

impl Lease {
    /// A lease for a session that no other host of this journal drives. It must still be
    /// [taken](crate::leases::take) in the file.
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
            // If the row stays, others can take the session once this process has ended.
            Ok(connection.execute(sql, params![name, given_up]).unwrap_or_default())
        };
        // This is sent before `end`. So it is written before the next host of this process takes
        // the session.
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
    fn a_session_that_was_just_given_up_can_be_taken_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().join("runs.journal")).unwrap();
        let add = |connection: &Connection| Ok(table::add_session(connection, "s").unwrap());
        let session = block_on(journal.write(add, |_| ())).unwrap();
        // Each thread takes the session as soon as it can, checks that it still has it when that is
        // on the disk, and gives it up.
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
