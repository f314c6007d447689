//! Hears the events of runs.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use agent_core::{Delta, Event, EventKind};

use super::{
    open_runs::{NewRoot, OpenRuns, Place},
    shared::Shared,
    trace_parent,
};

/// Hears the events of runs. When it is dropped, all spans that are open end.
pub(super) struct Listener {
    shared: Arc<Shared>,
    place: Place,
    /// Whether a request waits, so that its next delta must be heard.
    waits: AtomicBool,
    runs: Mutex<OpenRuns>,
}

impl Listener {
    pub(super) fn new(shared: Arc<Shared>, place: Place) -> Self {
        Self { shared, place, waits: AtomicBool::default(), runs: Mutex::default() }
    }

    pub(super) fn hear(&self, event: &Event) {
        if !self.matters(&event.kind) {
            return;
        }
        let new_roots = {
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.hear(&self.shared, &self.place, event);
            self.waits.store(!runs.waiting.is_empty(), Ordering::Release);
            mem::take(&mut runs.new_roots)
        };
        // Without the lock, because this is foreign code.
        for NewRoot { conversation, span, is_known } in new_roots {
            let Some(text) = trace_parent::write(&span) else { continue };
            self.shared.on_root.iter().for_each(|on_root| on_root(&conversation, &text));
            let parents = self.place.parents.iter().filter(|_| !is_known);
            parents.for_each(|parents| parents.keep(&conversation, &text));
        }
    }

    /// Most events are pieces of replies, and few of them matter.
    fn matters(&self, kind: &EventKind) -> bool {
        match kind {
            EventKind::Delta(Delta::Notice(_) | Delta::Restarted { .. }) => true,
            EventKind::Delta(Delta::Piece { .. }) if self.shared.metrics.is_some() => true,
            EventKind::Delta(_) => self.shared.content || self.waits.load(Ordering::Acquire),
            EventKind::CallProgress { .. } | EventKind::Other { .. } => false,
            _ => true,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let runs = self.runs.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !runs.is_empty() {
            runs.close_all(&self.shared);
        }
    }
}
