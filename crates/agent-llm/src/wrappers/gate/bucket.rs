//! A bucket that fills at a steady rate, and from which each request takes one.

use std::time::Duration;

/// Times are since the gate was made.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: f64,
    size: f64,
    level: f64,
    at: Duration,
}

impl Bucket {
    /// A bucket that fills by `rate` a second up to `size`, and holds `level` now; less than
    /// nothing if more was taken than is known to be there.
    pub(crate) fn new(rate: f64, size: f64, level: f64, now: Duration) -> Self {
        // Slower than one an hour can't be told from a stop, and a wait must be finite.
        Self { rate: rate.max(1.0 / 3600.0), size, level: level.min(size), at: now }
    }

    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// Fills faster by this much a second.
    pub(crate) fn quicken(&mut self, now: Duration, by: f64) {
        self.fill(now);
        self.rate += by;
    }

    /// How long until a request may take one; zero if now.
    pub(crate) fn wait(&mut self, now: Duration) -> Duration {
        self.fill(now);
        // A timer's nanoseconds are not a float's.
        let missing = 1.0 - self.level - 1e-6;
        Duration::from_secs_f64(missing.max(0.0) / self.rate)
    }

    /// A request takes one.
    pub(crate) fn take(&mut self) {
        self.level -= 1.0;
    }

    fn fill(&mut self, now: Duration) {
        let grown = self.rate * now.saturating_sub(self.at).as_secs_f64();
        self.level = (self.level + grown).min(self.size);
        self.at = self.at.max(now);
    }
}
