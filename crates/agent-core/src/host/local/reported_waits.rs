//! Which waits for a person were reported as the end of a run.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{End, PendingApproval};

/// Which conversations wait for a person, as far as listeners know: one that still waits gets no
/// second event.
#[derive(Debug, Default)]
pub(super) struct ReportedWaits(Mutex<HashMap<String, Vec<PendingApproval>>>);

/// How many of them are remembered: a host of very many may report one again.
const MOST: usize = 10_000;

impl ReportedWaits {
    /// Whether this end was not reported yet; now it is.
    pub(super) fn is_new(&self, conversation: &str, end: &End) -> bool {
        let mut waiting = self.waiting();
        let End::Waiting(calls) = end else {
            waiting.remove(conversation);
            return true;
        };
        if waiting.len() >= MOST {
            waiting.clear();
        }
        waiting.insert(conversation.to_owned(), calls.clone()).as_ref() != Some(calls)
    }

    /// Something is done in this conversation: if it waits after that, that is reported again.
    pub(super) fn forget(&self, conversation: &str) {
        let mut waiting = self.waiting();
        // As a rule none waits, and each call asks.
        if !waiting.is_empty() {
            waiting.remove(conversation);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Vec<PendingApproval>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
