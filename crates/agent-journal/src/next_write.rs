//! Waits until somebody has written to the file.

use std::{mem, sync::Weak, thread, time::Duration};

use futures::channel::oneshot;

use crate::{Journal, JournalError, journal::Inner, table};

/// How often the file is checked for writes. SQLite does not notify other processes of writes.
const INTERVAL: Duration = Duration::from_millis(100);

impl Journal {
    /// A future that is ready once anybody has written to the file. Call this first, then read,
    /// then await it. So no write in between is missed.
    pub(crate) fn next_write(&self) -> Result<oneshot::Receiver<()>, JournalError> {
        let version = self.with_reader(table::version)?;
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.watch().waiters();
        if waiters.version != Some(version) {
            // Those who waited for an older version have their answer.
            waiters.wake();
            waiters.version = Some(version);
        }
        waiters.waiting.push(sender);
        if !mem::replace(&mut waiters.is_watched, true) {
            let journal = self.downgrade();
            thread::spawn(move || watch_file(&journal));
        }
        Ok(receiver)
    }
}

/// Checks the file until nobody waits any more, or the journal is dropped.
fn watch_file(journal: &Weak<Inner>) {
    while let Some(journal) = journal.upgrade().map(Journal::of) {
        let now = journal.with_reader(table::version);
        let mut waiters = journal.watch().waiters();
        waiters.waiting.retain(|waiter| !waiter.is_canceled());
        if now.as_ref().ok().copied() != waiters.version {
            // Also if it can't be read: those who wait then find out why.
            waiters.wake();
            waiters.version = now.ok();
        }
        if waiters.waiting.is_empty() {
            waiters.is_watched = false;
            return;
        }
        drop(waiters);
        drop(journal);
        thread::sleep(INTERVAL);
    }
}
