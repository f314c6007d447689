//! Requests that fail for a while are made again.

use std::time::Duration;

use agent_core::{BoxStream, Delta, Llm, LlmError, LlmErrorKind, Notice, Request};
use async_stream::try_stream;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::StreamExt;

/// Makes the requests of any [`Llm`] again, from scratch, when they fail in a way that may pass.
///
/// A reply that broke off after some of it was shown is withdrawn with [`Delta::Restarted`] as the
/// next one begins.
#[derive(Clone, Debug)]
pub struct Retry<L> {
    llm: L,
    policy: RetryPolicy,
}

impl<L: Llm> Retry<L> {
    /// Retries around this backend.
    pub fn new(llm: L, policy: RetryPolicy) -> Self {
        Self { llm, policy }
    }

    /// The backend itself.
    pub fn inner(&self) -> &L {
        &self.llm
    }
}

/// How often a request is made again, and after how long.
///
/// The wait is the server's `retry-after` if it gave one, made up to a quarter longer, so that a
/// crowd that was sent away together does not come back together. Else it is 0.5 s, doubled each
/// time up to 8 s, made up to a quarter shorter: the official clients' rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    max_retries: usize,
    first_wait: Duration,
    longest_wait: Duration,
    jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(8),
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

    /// What the doubled waits are capped at; by default 8 s. Does not cap `retry-after`.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// The part of a wait that is left to chance, from 0 to 1; by default 0.25.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = part.clamp(0.0, 1.0);
        self
    }

    /// The waits between attempts, as long as the server asks for none.
    fn waits(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        // Without the library's own jitter, which only ever makes a wait longer.
        ExponentialBuilder::new()
            .with_min_delay(self.first_wait)
            .with_max_delay(self.longest_wait)
            .with_factor(2.0)
            .with_max_times(self.max_retries)
            .build()
    }

    fn wait(&self, planned: Duration, error: &LlmError) -> Duration {
        let chance = self.jitter * fastrand::f64();
        match error.retry_after() {
            Some(asked) => asked.saturating_add(asked.mul_f64(chance)),
            None => planned.mul_f64(1.0 - chance),
        }
    }
}

impl<L: Llm> Llm for Retry<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let stream = try_stream! {
            let mut waits = self.policy.waits();
            let mut attempt = 1;
            // Why what was shown must be withdrawn, once there is something to show instead.
            let mut withdrawn = None;
            loop {
                let mut reply = Whole::new(self.llm.stream(request.clone()));
                let error = loop {
                    match reply.next().await {
                        Ok(Some(delta)) => {
                            if !matches!(delta, Delta::Notice(_)) {
                                if let Some(reason) = withdrawn.take() {
                                    yield Delta::Restarted { reason };
                                }
                            }
                            yield delta;
                        }
                        Ok(None) => return,
                        Err(error) => break error,
                    }
                };
                let planned = if may_pass(&error) { waits.next() } else { None };
                let Some(planned) = planned else { Err(error)?; return };
                let (wait, reason) = (self.policy.wait(planned, &error), error.to_string());
                if reply.shown {
                    withdrawn = Some(reason.clone());
                }
                drop(reply);
                yield Delta::Notice(Notice::Retry { attempt, wait, reason });
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
        };
        stream.boxed()
    }
}

/// Whether the same request may well succeed later. One that is wrong never does, whatever the
/// server says.
fn may_pass(error: &LlmError) -> bool {
    error.is_retryable() && error.kind != LlmErrorKind::InvalidRequest
}

/// A reply that ends with its stop, or with an error.
struct Whole<'a> {
    stream: BoxStream<'a, Result<Delta, LlmError>>,
    shown: bool,
    ended: bool,
}

impl<'a> Whole<'a> {
    fn new(stream: BoxStream<'a, Result<Delta, LlmError>>) -> Self {
        Self { stream, shown: false, ended: false }
    }

    async fn next(&mut self) -> Result<Option<Delta>, LlmError> {
        let delta = self.stream.next().await.transpose()?;
        match &delta {
            Some(Delta::Notice(_)) => {}
            Some(Delta::Restarted { .. }) => (self.shown, self.ended) = (false, false),
            Some(Delta::Stop { .. } | Delta::Whole(_)) => (self.shown, self.ended) = (true, true),
            Some(_) => self.shown = true,
            None if self.ended => {}
            None => return Err(LlmError::new(LlmErrorKind::Incomplete, "it ended without a stop reason")),
        }
        Ok(delta)
    }
}
