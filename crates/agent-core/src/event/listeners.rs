//! Who gets the events.

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

/// Who gets the events.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    all: Vec<Arc<Listener>>,
    /// Who reads them one by one from some time on, and perhaps not for long.
    reader: Option<Arc<Reader>>,
}

/// Who reads events while the host is shared already.
#[derive(Default)]
pub(crate) struct Reader {
    /// Whether there has been one: only then somebody looks further.
    has_been: AtomicBool,
    queue: RwLock<Option<UnreadEvents>>,
}

type Listener = dyn Fn(&Event) + Send + Sync;

impl Listeners {
    pub(crate) fn add(&mut self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.all.push(Arc::new(listener));
    }

    /// The same with a place for one who [reads](Self::read) them later.
    pub(crate) fn with_reader(mut self) -> Self {
        self.reader = Some(Arc::default());
        self
    }

    /// A queue of all events from now on, instead of the one before, where there is a place for
    /// one.
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
            // A listener is foreign code; its panic, which the panic hook has reported, is no
            // reason to lose what the run has done.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.all.len())
    }
}
