//! Tracks which waits for a person were reported.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{End, PendingApproval};

/// The waits that listeners know of. A conversation that still waits for the same calls gets no
/// second event.
#[derive(Debug, Default)]
pub(super) struct ReportedWaits(Mutex<HashMap<String, Vec<PendingApproval>>>);

/// How many waits are remembered. With more, a wait may be reported twice.
const MOST: usize = 10_000;

impl ReportedWaits {
    /// Whether this end is new to listeners. It then counts as reported.
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

    /// Work is done in this conversation. If it waits afterwards, that is reported again.
    pub(super) fn forget(&self, conversation: &str) {
        let mut waiting = self.waiting();
        // Usually none waits, and each call asks.
        if !waiting.is_empty() {
            waiting.remove(conversation);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Vec<PendingApproval>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
