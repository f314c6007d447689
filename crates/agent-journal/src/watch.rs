//! Who waits until others have written something.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// Who waits until the file is written to; while anybody does, a thread looks.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Waiters>);

/// Those who wait, and whether somebody looks for them.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
    pub(crate) is_looking: bool,
    /// What SQLite says of the file's state: another number after each write by another connection, the writer's too.
    pub(crate) version: Option<i64>,
}

impl Watch {
    pub(crate) fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiters {
    /// Lets all of them go on.
    pub(crate) fn wake(&mut self) {
        for waiter in self.waiting.drain(..) {
            // It may be gone.
            let _ = waiter.send(());
        }
    }
}
