//! The listeners of a run.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::Event;
use crate::{EventQueue, event::event_queue::UnreadEvents};

/// The listeners of a run.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    all: Vec<Arc<Listener>>,
    /// A reader that may start later and may stop before the end.
    reader: Option<Arc<Reader>>,
}

/// A reader that can start while the host is already shared.
#[derive(Default)]
pub(crate) struct Reader {
    /// Whether there ever was a reader. It avoids the lock if not.
    has_been: AtomicBool,
    queue: RwLock<Option<UnreadEvents>>,
}

type Listener = dyn Fn(&Event) + Send + Sync;

impl Listeners {
    pub(crate) fn add(&mut self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.all.push(Arc::new(listener));
    }

    /// Adds a place for a reader that starts later with [`read`](Self::read).
    pub(crate) fn with_reader(mut self) -> Self {
        self.reader = Some(Arc::default());
        self
    }

    /// Returns a queue of all events from now on, which replaces the previous queue. Without a
    /// place for a reader it stays empty.
    pub(crate) fn read(&self) -> EventQueue {
        let queue = EventQueue::default();
        if let Some(reader) = &self.reader {
            *reader.queue.write().unwrap_or_else(PoisonError::into_inner) = Some(queue.unread());
            reader.has_been.store(true, Ordering::Release);
        }
        queue
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.reader().is_none()
    }

    fn reader(&self) -> Option<EventQueue> {
        let reader = self.reader.as_ref().filter(|reader| reader.has_been.load(Ordering::Acquire))?;
        reader.queue.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.queue()
    }

    pub(crate) fn notify(&self, event: &Event) {
        if let Some(queue) = self.reader() {
            queue.push(event.clone());
        }
        for listener in &self.all {
            // A listener is foreign code. The panic hook has reported its panic, and the run must
            // not be lost.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.all.len())
    }
}
