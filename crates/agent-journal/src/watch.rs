//! Those who wait until somebody writes to the file.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// Those who wait for a write. While there are any, a thread checks the file.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Waiters>);

/// The list of those who wait, and whether a thread checks the file for them.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
    pub(crate) is_watched: bool,
    /// The version of the file, from SQLite. It changes after each write by another connection,
    /// including the one of this writer.
    pub(crate) version: Option<i64>,
}

impl Watch {
    pub(crate) fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiters {
    /// Wakes all of them.
    pub(crate) fn wake(&mut self) {
        for waiter in self.waiting.drain(..) {
            // It may be gone.
            let _ = waiter.send(());
        }
    }
}
