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

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Mutex};

    use agent_core::{
        Message, StopReason,
        script::{Reply, Script},
    };
    use futures::stream;
    use tokio::time::Instant;

    use super::*;

    /// A backend that yields these pieces, one list a request.
    struct Pieces(Mutex<VecDeque<Vec<Result<Delta, LlmError>>>>);

    impl Llm for Pieces {
        fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
            let pieces = self.0.lock().unwrap().pop_front().expect("no attempt more than the test has");
            stream::iter(pieces).boxed()
        }
    }

    fn pieces<const N: usize>(attempts: [Vec<Result<Delta, LlmError>>; N]) -> Pieces {
        Pieces(Mutex::new(attempts.into()))
    }

    fn word(text: &str) -> Result<Delta, LlmError> {
        Ok(Delta::words(0, text))
    }

    fn stop() -> Result<Delta, LlmError> {
        Ok(Delta::stop(StopReason::EndTurn))
    }

    fn error(kind: LlmErrorKind) -> LlmError {
        LlmError::new(kind, "said the test")
    }

    fn hi() -> Request {
        Request::new(vec![Message::user("hi")])
    }

    fn exact() -> RetryPolicy {
        RetryPolicy::default().jitter(0.0)
    }

    /// What a listener sees, each with the time since the request in milliseconds.
    async fn transcript(llm: impl Llm, policy: RetryPolicy) -> String {
        let begun = Instant::now();
        let llm = Retry::new(llm, policy);
        let mut reply = llm.stream(hi());
        let mut lines = Vec::new();
        while let Some(delta) = reply.next().await {
            let line = match delta {
                Ok(Delta::Notice(Notice::Retry { attempt, wait, reason })) => {
                    format!("attempt {attempt} failed, wait {wait:?}: {reason}")
                }
                Ok(Delta::Restarted { reason }) => format!("restarted: {reason}"),
                Ok(Delta::Stop { .. }) => "stop".to_owned(),
                Ok(delta) => match delta.text() {
                    Some(text) => format!("text {text:?}"),
                    None => continue,
                },
                Err(error) => format!("error: {error}"),
            };
            lines.push(format!("{:>5} {line}", begun.elapsed().as_millis()));
        }
        lines.join("\n")
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_asked_again_after_a_wait_that_doubles_up_to_its_cap() {
        let busy = || Reply::error(error(LlmErrorKind::Overloaded));
        let mut replies: Vec<Reply> = (0..6).map(|_| busy()).collect();
        replies.push(Reply::text("hi"));
        let script = Script::new(replies);
        insta::assert_snapshot!(transcript(script.clone(), exact().max_retries(6)).await, @r#"
            0 attempt 1 failed, wait 500ms: the model's server is overloaded: said the test
          500 attempt 2 failed, wait 1s: the model's server is overloaded: said the test
         1500 attempt 3 failed, wait 2s: the model's server is overloaded: said the test
         3500 attempt 4 failed, wait 4s: the model's server is overloaded: said the test
         7500 attempt 5 failed, wait 8s: the model's server is overloaded: said the test
        15500 attempt 6 failed, wait 8s: the model's server is overloaded: said the test
        23500 text "hi"
        23500 stop
        "#);
        assert_eq!(script.requests(), vec![hi(); 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_last_retry_the_error_is_the_last_ones() {
        let script = Script::by(|_| Reply::error(error(LlmErrorKind::Connection)));
        insta::assert_snapshot!(transcript(script.clone(), exact()).await, @"
           0 attempt 1 failed, wait 500ms: no connection to the model's server: said the test
         500 attempt 2 failed, wait 1s: no connection to the model's server: said the test
        1500 error: no connection to the model's server: said the test
        ");
        insta::assert_snapshot!(transcript(script, RetryPolicy::never()).await, @"    0 error: no connection to the model's server: said the test");
    }

    #[tokio::test(start_paused = true)]
    async fn fault_40_a_400_is_not_retried() {
        let mut refused = error(LlmErrorKind::InvalidRequest);
        refused.should_retry = Some(true);
        let script = Script::by(move |_| Reply::error(refused.clone()));
        insta::assert_snapshot!(transcript(script.clone(), exact()).await, @"    0 error: the model's server refused the request: said the test");
        assert_eq!(script.requests().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_says_about_retrying_is_obeyed() {
        let saying = |kind, should_retry| {
            let mut error = error(kind);
            error.should_retry = Some(should_retry);
            Script::new([Reply::error(error), Reply::text("hi")])
        };
        insta::assert_snapshot!(transcript(saying(LlmErrorKind::Overloaded, false), exact()).await, @"    0 error: the model's server is overloaded: said the test");
        insta::assert_snapshot!(transcript(saying(LlmErrorKind::NotFound, true), exact()).await, @r#"
          0 attempt 1 failed, wait 500ms: the model's server knows no such model or address: said the test
        500 text "hi"
        500 stop
        "#);
    }

    #[tokio::test(start_paused = true)]
    async fn fault_23_an_error_mid_stream_withdraws_what_was_shown() {
        let cut = || Err(error(LlmErrorKind::Overloaded));
        let llm = pieces([vec![word("half"), cut()], vec![cut()], vec![word("whole"), stop()]]);
        insta::assert_snapshot!(transcript(llm, exact()).await, @r#"
           0 text "half"
           0 attempt 1 failed, wait 500ms: the model's server is overloaded: said the test
         500 attempt 2 failed, wait 1s: the model's server is overloaded: said the test
        1500 restarted: the model's server is overloaded: said the test
        1500 text "whole"
        1500 stop
        "#);
    }

    #[tokio::test(start_paused = true)]
    async fn fault_27_a_reply_without_its_end_is_asked_again() {
        let llm = pieces([vec![word("half")], vec![], vec![word("whole"), stop()]]);
        insta::assert_snapshot!(transcript(llm, exact()).await, @r#"
           0 text "half"
           0 attempt 1 failed, wait 500ms: the reply broke off: it ended without a stop reason
         500 attempt 2 failed, wait 1s: the reply broke off: it ended without a stop reason
        1500 restarted: the reply broke off: it ended without a stop reason
        1500 text "whole"
        1500 stop
        "#);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_withdrawn_for_a_reply_that_never_comes() {
        let cut = || Err(error(LlmErrorKind::Server));
        let llm = pieces([vec![word("half"), cut()], vec![Err(error(LlmErrorKind::Permission))]]);
        insta::assert_snapshot!(transcript(llm, exact()).await, @r#"
          0 text "half"
          0 attempt 1 failed, wait 500ms: the model's server failed: said the test
        500 error: the key is not allowed to do this: said the test
        "#);
    }

    #[tokio::test(start_paused = true)]
    async fn fault_29_a_429_storm_waits_as_told_and_spreads() {
        let mut full = error(LlmErrorKind::RateLimit);
        full.retry_after = Some(Duration::from_secs(4));
        let waits = (0..32).map(async |_| {
            let llm = Script::new([Reply::error(full.clone()), Reply::text("hi")]);
            let begun = Instant::now();
            transcript(llm, RetryPolicy::default()).await;
            begun.elapsed()
        });
        let waits = futures::future::join_all(waits).await;
        let told = Duration::from_secs(4)..=Duration::from_millis(5_001);
        assert!(waits.iter().all(|wait| told.contains(wait)), "{waits:?}");
        let places: std::collections::BTreeSet<u128> = waits.iter().map(Duration::as_millis).collect();
        assert!(places.len() > 16, "they come back one by one: {places:?}");
    }

    #[test]
    fn jitter_makes_a_wait_up_to_a_quarter_shorter() {
        let waits = (0..1_000)
            .map(|_| RetryPolicy::default().wait(Duration::from_secs(4), &error(LlmErrorKind::Server)));
        let (least, most) = (Duration::from_secs(3), Duration::from_secs(4));
        assert!(waits.clone().all(|wait| (least..=most).contains(&wait)));
        assert!(waits.max().unwrap() - least > Duration::from_millis(500));
    }
}
