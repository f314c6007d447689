//! What was replayed, and what had no recording.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use agent_core::LlmError;

use super::{clean::Clean, miss::CassetteMiss, recording::Recording, shelf::Shelf, tree::Tree};

/// What clones of a cassette share.
#[derive(Default)]
pub(super) struct Replayed {
    shelf: OnceLock<Shelf>,
    misses: Mutex<Vec<CassetteMiss>>,
}

impl Replayed {
    /// It is made at the first request, since the settings decide which requests are equal.
    pub(super) fn shelf(&self, recordings: &[(usize, Recording)], clean: &Clean) -> &Shelf {
        self.shelf.get_or_init(|| Shelf::new(recordings, clean))
    }

    /// Keeps a miss, and says it.
    pub(super) fn miss(&self, path: &Path, shelf: &Shelf, asked: &Tree) -> LlmError {
        let miss = shelf.miss(asked);
        let mut misses = self.lock();
        let error = miss.error(path, misses.first());
        misses.push(miss);
        error
    }

    pub(super) fn misses(&self) -> Vec<CassetteMiss> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<CassetteMiss>> {
        self.misses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
