//! How often a request is retried, and after what wait.

use std::time::Duration;

use agent_core::LlmError;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// How many times a request is retried, after what wait, and when it is given up. The default is 2
/// retries, without a [limit of time](Self::budget).
///
/// By default, the first wait is 0.5 s, and each further wait is twice as long, up to 8 s. Jitter
/// makes each wait up to a quarter shorter, at random, so that many clients do not retry in the
/// same moment. If the server sends `retry-after`, the wait is that time instead, and jitter makes
/// it up to a quarter longer. Anthropic's official clients have the same defaults. A request is
/// given up after the last retry, or if the server asks for a wait longer than 10
/// [minutes](Self::longest_retry_after).
///
/// The message of the last error then says how many attempts there were and how long they took. The
/// error keeps its [`retry_after`](LlmError::retry_after), so that you can try again later.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    max_retries: usize,
    first_wait: Duration,
    longest_wait: Duration,
    pub(super) longest_retry_after: Duration,
    pub(super) budget: Option<Duration>,
    jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(600),
            budget: None,
            jitter: 0.25,
        }
    }
}

impl RetryPolicy {
    /// A policy without retries.
    pub fn never() -> Self {
        Self::default().max_retries(0)
    }

    /// Sets the most retries of a request. By default 2.
    pub fn max_retries(mut self, retries: usize) -> Self {
        self.max_retries = retries;
        self
    }

    /// Sets the wait before the first retry. By default 0.5 s.
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// Sets the longest wait if the server sends no `retry-after`. By default 8 s.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Sets the longest `retry-after` that is waited for. By default 10 minutes. If the server asks
    /// for a longer wait, the request is given up immediately, because an earlier retry would only
    /// be refused.
    pub fn longest_retry_after(mut self, wait: Duration) -> Self {
        self.longest_retry_after = wait;
        self
    }

    /// Sets how long after the beginning of the first attempt a retry may still begin. If the next
    /// retry would begin later, the request is given up immediately. Time in a
    /// [`Gate`](crate::Gate) counts. A retry that has begun is not cut short; for that, set
    /// [`total_timeout`](crate::ClaudeBuilder::total_timeout).
    ///
    /// By default there is no such limit, because the number of retries and the waits are limited,
    /// and a long reply that broke off near its end is worth a retry.
    pub fn budget(mut self, time: Duration) -> Self {
        self.budget = Some(time);
        self
    }

    /// Sets the jitter: how much of a wait is random, from 0 (nothing) to 1. By default 0.25.
    pub fn jitter(mut self, part: f64) -> Self {
        // What is no number leaves nothing to chance.
        self.jitter = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self
    }

    /// The waits between attempts, as long as the server asks for none.
    pub(super) fn waits(&self) -> ExponentialBackoff {
        // Without the library's own jitter, which only ever makes a wait longer.
        ExponentialBuilder::new()
            // The library caps only what it has doubled.
            .with_min_delay(self.first_wait.min(self.longest_wait))
            .with_max_delay(self.longest_wait)
            .with_factor(2.0)
            .with_max_times(self.max_retries)
            .build()
    }

    /// The wait after this error, where `planned` is what it would be if the server asked for none.
    pub(super) fn wait(&self, planned: Duration, error: &LlmError) -> Duration {
        let chance = self.jitter * fastrand::f64();
        match error.retry_after() {
            Some(asked) => asked.saturating_add(asked.mul_f64(chance)),
            None => planned.mul_f64(1.0 - chance),
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_core::model::LlmErrorKind;

    use super::*;

    #[test]
    fn no_wait_is_longer_than_the_longest() {
        let (first, longest) = (Duration::from_secs(20), Duration::from_secs(3));
        let waits: Vec<Duration> =
            RetryPolicy::default().first_wait(first).longest_wait(longest).waits().collect();
        assert_eq!(waits, [longest; 2]);
    }

    #[test]
    fn a_jitter_that_is_no_number_is_none() {
        let error = LlmError::new(LlmErrorKind::Server, "said the test");
        let second = Duration::from_secs(1);
        assert_eq!(RetryPolicy::default().jitter(f64::NAN).wait(second, &error), second);
    }

    #[test]
    fn jitter_makes_a_wait_up_to_a_quarter_shorter() {
        let error = LlmError::new(LlmErrorKind::Server, "said the test");
        let waits = (0..1_000).map(|_| RetryPolicy::default().wait(Duration::from_secs(4), &error));
        let (least, most) = (Duration::from_secs(3), Duration::from_secs(4));
        assert!(waits.clone().all(|wait| (least..=most).contains(&wait)));
        assert!(waits.max().unwrap() - least > Duration::from_millis(500));
    }
}
