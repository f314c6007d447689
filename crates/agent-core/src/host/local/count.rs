//! Counts what a run may do only a number of times.

use std::sync::atomic::{AtomicU32, Ordering};

/// One count for all conversations of a run, which may run in parallel.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU32);

impl Count {
    /// Starts again at 0, for another run.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Counts one more. If the limit is reached, it counts nothing and returns the limit as the
    /// error.
    pub(super) fn one_more(&self, most: Option<u32>) -> Result<(), u32> {
        let Some(most) = most else { return Ok(()) };
        let more = |done: u32| (done < most).then(|| done + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map(drop).map_err(|_| most)
    }
}
