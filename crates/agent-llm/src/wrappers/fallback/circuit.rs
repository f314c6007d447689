//! Models that fail again and again rest for a while.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// When a model rests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// After so many failures in a row. With 0 it never rests.
    pub(super) failures: u32,
    pub(super) rest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { failures: 3, rest: Duration::from_secs(60) }
    }
}

/// What all requests know of one model.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Circuit {
    /// Whether the model may be asked now. After a rest one request may. For all others the model
    /// rests again, until that request has its answer, or for as long if it never has one.
    pub(super) fn lets_through(&self, limits: Limits) -> bool {
        let (mut state, now) = (self.state(), Instant::now());
        match state.rests_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.rests_until = Some(later(now, limits.rest));
                true
            }
            None => true,
        }
    }

    pub(super) fn succeed(&self) {
        *self.state() = State::default();
    }

    /// Counts a failure. The model rests for longer if its server asks for a longer wait.
    pub(super) fn fail(&self, limits: Limits, retry_after: Option<Duration>) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if limits.failures > 0 && state.failures >= limits.failures {
            let rest = limits.rest.max(retry_after.unwrap_or_default());
            state.rests_until = Some(later(Instant::now(), rest));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and each state is a valid one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock has an end, and a time such as `Duration::MAX` is beyond it.
fn later(now: Instant, wait: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    now.checked_add(wait).unwrap_or_else(|| now + YEAR)
}
