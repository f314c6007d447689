//! The attempts at one request, and what follows when one fails.

use std::{future::Future, time::Duration};

use agent_core::{LlmError, model::LlmErrorKind};
use backon::ExponentialBackoff;
use humantime::format_duration;
use tokio::time::Instant;

use super::RetryPolicy;
use crate::wrappers::asking::Again;

/// The attempts at one request so far.
pub(crate) struct Attempts<'a> {
    policy: &'a RetryPolicy,
    planned: ExponentialBackoff,
    failed: u32,
    begun: Instant,
}

impl<'a> Attempts<'a> {
    /// The first attempt begins.
    pub(crate) fn begin(policy: &'a RetryPolicy) -> Self {
        Self { policy, planned: policy.waits(), failed: 0, begun: Instant::now() }
    }

    /// An attempt has failed: when to make the next one, or the error if there shall be none.
    pub(crate) fn fail(&mut self, error: LlmError) -> Result<Again, LlmError> {
        self.failed += 1;
        match self.next_wait(&error) {
            Ok(wait) => Ok(Again { attempt: self.failed, wait, reason: error.to_string() }),
            Err(since) => Err(self.give_up(error, since)),
        }
    }

    /// How long until the next attempt; else why there is none, as far as the error does not say
    /// it.
    fn next_wait(&mut self, error: &LlmError) -> Result<Duration, Option<String>> {
        if !may_pass(error) {
            return Err(None);
        }
        let planned = self.planned.next().ok_or(None)?;
        let longest = self.policy.longest_retry_after;
        if let Some(asked) = error.retry_after().filter(|asked| *asked > longest) {
            let (asked, longest) = (format_duration(asked), format_duration(longest));
            return Err(Some(format!("the server asks to wait {asked}, more than {longest}")));
        }
        let wait = self.policy.wait(planned, error);
        match self.policy.budget {
            Some(budget) if self.begun.elapsed().saturating_add(wait) > budget => {
                let (wait, budget) = (wait.as_secs_f64(), format_duration(budget));
                Err(Some(format!("the next one, after {wait:.1} s, would be beyond the budget of {budget}")))
            }
            _ => Ok(wait),
        }
    }

    /// The last error, which says what was tried. One that a first attempt met, and that no other
    /// could have mended, stays as it is.
    fn give_up(&self, mut error: LlmError, since: Option<String>) -> LlmError {
        let attempts = match (self.failed, &since) {
            (1, None) => return error,
            (1, Some(_)) => "1 attempt".to_owned(),
            (many, _) => format!("{many} attempts in {:.1} s", self.begun.elapsed().as_secs_f64()),
        };
        let since = since.map(|why| format!(", since {why}")).unwrap_or_default();
        let said = error.message.trim_end_matches('.');
        error.message = format!("{said}; given up after {attempts}{since}");
        error
    }
}

impl RetryPolicy {
    /// Calls `request`, and calls it again after errors, as this policy says. It is for requests
    /// other than those of an [`Llm`](crate::Llm), such as a count of tokens. For an `Llm`, use
    /// [`Retry`](crate::Retry).
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// use agent_llm::{LlmError, LlmErrorKind, RetryPolicy};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// let attempts = AtomicU32::new(0);
    /// let count = async || match attempts.fetch_add(1, Ordering::Relaxed) {
    ///     0 => Err(LlmError::new(LlmErrorKind::Overloaded, "busy")),
    ///     _ => Ok(42),
    /// };
    /// assert_eq!(RetryPolicy::default().retry(count).await?, 42);
    /// # Ok::<(), LlmError>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn retry<T, F>(&self, request: impl Fn() -> F) -> Result<T, LlmError>
    where
        F: Future<Output = Result<T, LlmError>>,
    {
        let mut attempts = Attempts::begin(self);
        loop {
            match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) => tokio::time::sleep(attempts.fail(error)?.wait).await,
            }
        }
    }
}

/// Whether the same request may well succeed later. One that is wrong never does, whatever the
/// server says.
fn may_pass(error: &LlmError) -> bool {
    error.is_retryable() && error.kind != LlmErrorKind::InvalidRequest
}
