//! Waiting until others have written something.

use std::{mem, sync::Weak, thread, time::Duration};

use futures::channel::oneshot;
use rusqlite::Connection;

use crate::{Journal, JournalError, journal::Inner};

/// How often somebody looks whether the file was written to: no process is told what others write.
const LOOK: Duration = Duration::from_millis(100);

impl Journal {
    /// Waits until the file was written to, by whomever. Make it first, then look at what is there, then await it: so nothing
    /// that is written in between is missed.
    pub(crate) fn written(&self) -> Result<oneshot::Receiver<()>, JournalError> {
        let version = self.with_reader(version)?;
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.watch().waiters();
        if waiters.version != Some(version) {
            // Who waited for less has it.
            waiters.wake();
            waiters.version = Some(version);
        }
        waiters.waiting.push(sender);
        if !mem::replace(&mut waiters.is_looking, true) {
            let journal = self.downgrade();
            thread::spawn(move || look(&journal));
        }
        Ok(receiver)
    }
}

/// Looks until nobody waits any more, or the journal is gone.
fn look(journal: &Weak<Inner>) {
    while let Some(journal) = journal.upgrade().map(Journal::of) {
        let now = journal.with_reader(version);
        let mut waiters = journal.watch().waiters();
        waiters.waiting.retain(|waiter| !waiter.is_canceled());
        if now.as_ref().ok().copied() != waiters.version {
            // Also if it can't be read: who waits finds out why.
            waiters.wake();
            waiters.version = now.ok();
        }
        if waiters.waiting.is_empty() {
            waiters.is_looking = false;
            return;
        }
        drop(waiters);
        drop(journal);
        thread::sleep(LOOK);
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0))
}
