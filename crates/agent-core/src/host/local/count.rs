//! Counting what a run may do so many times.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often it was done: one count for all conversations of a run, which may go on beside each
/// other.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU32);

impl Count {
    /// Counts from 0 again, for another run.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Counts one more. The error is the bound, if it was reached before: then nothing is counted.
    pub(super) fn one_more(&self, most: Option<u32>) -> Result<(), u32> {
        let Some(most) = most else { return Ok(()) };
        let more = |done: u32| (done < most).then(|| done + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).map(drop).map_err(|_| most)
    }
}
