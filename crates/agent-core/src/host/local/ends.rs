//! What has been told of how runs ended.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{End, PendingApproval};

/// Which conversations wait for a person, as far as was told: that one still waits is no news.
#[derive(Debug, Default)]
pub(super) struct Ends(Mutex<HashMap<String, Vec<PendingApproval>>>);

/// How many of them are remembered: who serves very many may tell of one again.
const MOST: usize = 10_000;

impl Ends {
    /// Whether this end was not told yet; now it is.
    pub(super) fn is_news(&self, conversation: &str, end: &End) -> bool {
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

    /// Something is done in this conversation: if it waits after that, that is news.
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
