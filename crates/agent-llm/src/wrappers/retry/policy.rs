//! How often a request is made again, and after how long.

use std::time::Duration;

use agent_core::LlmError;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// How often a request is made again, after how long, and when it is given up.
///
/// The wait is the server's `retry-after` if it gave one, made up to a quarter longer, so that a
/// crowd that was sent away together does not come back together. Else it is 0.5 s, doubled each
/// time up to 8 s, made up to a quarter shorter: the official clients' rule.
///
/// An error that is given up says so in its message, with how many attempts there were and how long they
/// took. It keeps its [`retry_after`](LlmError::retry_after), for who wants to come back then.
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
    /// No request is made again.
    pub fn never() -> Self {
        Self::default().max_retries(0)
    }

    /// How often a request is made again; by default 2.
    pub fn max_retries(mut self, retries: usize) -> Self {
        self.max_retries = retries;
        self
    }

    /// The wait before the first retry; by default 0.5 s.
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// What waits are capped at; by default 8 s. Does not cap `retry-after`.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// The longest `retry-after` that is obeyed; by default 10 minutes. If a server asks for longer, the
    /// request is given up at once: made earlier, it would only be refused again.
    pub fn longest_retry_after(mut self, wait: Duration) -> Self {
        self.longest_retry_after = wait;
        self
    }

    /// How much time a request has in all, from its first attempt: a retry that would begin later than that
    /// is given up at once. Time at a [`Gate`](crate::Gate) counts. A retry that has begun is not cut short;
    /// [`total_timeout`](crate::ClaudeBuilder::total_timeout) does that.
    ///
    /// By default there is none: the number of retries and the longest waits bound it already, and a long
    /// reply that broke off at its end is worth asking for again.
    pub fn budget(mut self, time: Duration) -> Self {
        self.budget = Some(time);
        self
    }

    /// The part of a wait that is left to chance, from 0 to 1; by default 0.25.
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
