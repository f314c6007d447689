//! What a request waits for before it is sent.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;

use super::{
    names::own,
    shared::{between, millis},
};

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestWait {
    /// A rate limiter, a free place, or a budget.
    Gate,
    /// The time until the next attempt.
    Retry,
}

impl RequestWait {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Retry => "retry",
        }
    }
}

/// The waits of one turn.
#[derive(Default)]
pub(super) struct RequestWaits {
    open: Option<(RequestWait, SystemTime)>,
    gate: Duration,
    retry: Duration,
}

impl RequestWaits {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn begin(&mut self, what: RequestWait, at: SystemTime) {
        self.open = Some((what, at));
    }

    /// Ends the wait that is open, and returns how long it was.
    pub(super) fn end(&mut self, at: SystemTime) -> Option<(RequestWait, Duration)> {
        let (what, since) = self.open.take()?;
        let waited = between(since, at);
        match what {
            RequestWait::Gate => self.gate += waited,
            RequestWait::Retry => self.retry += waited,
        }
        Some((what, waited))
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = KeyValue> {
        let waits = [(own::WAIT_GATE, self.gate), (own::WAIT_RETRY, self.retry)];
        let waits = waits.into_iter().filter(|(_, wait)| !wait.is_zero());
        waits.map(|(name, wait)| KeyValue::new(name, millis(wait)))
    }
}
