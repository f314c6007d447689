//! A time in which nothing is sent, because the server takes nothing.

use std::time::Duration;

/// Times are since the gate was made.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) until: Duration,
    pub(crate) why: String,
    /// What goes after it may well be refused, so that one goes first, to see.
    pub(crate) probe: bool,
}

impl Hold {
    /// A hold for as long as the server asks, or for `longest` if that is shorter, and then for a
    /// probe.
    pub(crate) fn begin(now: Duration, asked: Duration, longest: Duration, why: String) -> Self {
        Self { until: now.saturating_add(asked.min(longest)), why, probe: asked > longest }
    }

    /// How long from now, if it is not over.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        self.until.checked_sub(now).filter(|left| !left.is_zero())
    }
}
