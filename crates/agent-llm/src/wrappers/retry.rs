//! Requests that fail for a while are made again.

mod attempts;
mod policy;

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Usage, budget::Usd, model::DeltaValidator};

use attempts::Attempts;
pub use policy::RetryPolicy;

use super::asking::{Again, Asking};

/// A wrapper around any [`Llm`] that retries requests, from the beginning. It does so when the
/// request may succeed later ([`LlmError::is_retryable`]), when the reply breaks off, and when the
/// pieces of the reply do not make a [`Response`](agent_core::Response). [`RetryPolicy`] says how
/// many times, and after what wait.
///
/// If pieces of the failed reply were already passed on, the next reply begins with a
/// [`Delta::Restarted`], which withdraws them.
#[derive(Clone, Debug)]
pub struct Retry<L> {
    llm: L,
    policy: RetryPolicy,
}

impl<L: Llm> Retry<L> {
    /// Wraps a backend.
    pub fn new(llm: L, policy: RetryPolicy) -> Self {
        Self { llm, policy }
    }

    /// The backend to which this wrapper sends requests.
    pub fn inner(&self) -> &L {
        &self.llm
    }

    /// The policy: how many retries, and after what waits.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }
}

impl<L: Llm> Llm for Retry<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (attempts, reply) = (Attempts::begin(&self.policy), Reply::default());
        Retrying { llm: &self.llm, request, attempts, reply, withdrawn: None }.stream()
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

struct Retrying<'a, L> {
    llm: &'a L,
    request: Request,
    attempts: Attempts<'a>,
    reply: Reply,
    /// Why what was shown must be withdrawn, once there is something to show instead.
    withdrawn: Option<String>,
}

/// A reply as far as it has come.
#[derive(Default)]
struct Reply {
    shown: bool,
    /// What makes no reply is better asked for again than handed on.
    outline: DeltaValidator,
}

impl<'a, L: Llm> Asking<'a> for Retrying<'a, L> {
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>> {
        self.reply = Reply::default();
        self.llm.stream(self.request.clone())
    }

    fn see(&mut self, delta: &Delta) -> Result<Option<Delta>, LlmError> {
        self.reply.outline.push(delta)?;
        match delta {
            Delta::Notice(_) => return Ok(None),
            Delta::Restarted { .. } => self.reply.shown = false,
            _ => self.reply.shown = true,
        }
        Ok(self.withdrawn.take().map(|reason| Delta::Restarted { reason }))
    }

    fn end(&mut self) -> Result<(), LlmError> {
        self.reply.outline.finish()
    }

    fn again(&mut self, error: LlmError) -> Result<Again, LlmError> {
        let again = self.attempts.fail(error)?;
        if self.reply.shown {
            self.withdrawn = Some(again.reason.clone());
        }
        Ok(again)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Mutex, time::Duration};

    use agent_core::{
        Message, StopReason,
        model::{LlmErrorKind, Notice, Piece, fold},
        script::{Reply, Script},
    };
    use futures::{StreamExt, stream};
    use serde_json::json;
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
        1500 error: no connection to the model's server: said the test; given up after 3 attempts in 1.5 s
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
    async fn a_reply_of_which_nothing_can_be_made_is_asked_again() {
        let more = Ok(Delta::Piece { index: 1, piece: Piece::Input("{}".to_owned()) });
        let (begin, again) = (Delta::call(1, "a", "f", json!({})), Delta::call(1, "b", "f", json!({})));
        let twice = vec![word("b"), Ok(begin), Ok(again), stop()];
        let llm = pieces([vec![word("a"), more], twice, vec![word("c"), stop()]]);
        insta::assert_snapshot!(transcript(llm, exact()).await, @r#"
           0 text "a"
           0 attempt 1 failed, wait 500ms: the reply can't be read: a piece of block 1, which never began: yield its Block first
         500 restarted: the reply can't be read: a piece of block 1, which never began: yield its Block first
         500 text "b"
         500 attempt 2 failed, wait 1s: the reply can't be read: block 1 began twice
        1500 restarted: the reply can't be read: block 1 began twice
        1500 text "c"
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
        500 error: the key is not allowed to do this: said the test; given up after 2 attempts in 0.5 s
        "#);
    }

    #[tokio::test(start_paused = true)]
    async fn fault_29_a_429_storm_waits_as_told_and_spreads() {
        let full = full(Duration::from_secs(4));
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

    fn full(retry_after: Duration) -> LlmError {
        let mut full = error(LlmErrorKind::RateLimit);
        full.retry_after = Some(retry_after);
        full
    }

    /// What comes of a request that a busy server refuses again and again, asking for these waits.
    async fn check_given_up(policy: RetryPolicy, waits: &[u64], expected: &str) {
        let waits: Vec<Duration> = waits.iter().copied().map(Duration::from_secs).collect();
        let refused = |wait: &Duration| match wait.is_zero() {
            true => error(LlmErrorKind::Overloaded),
            false => full(*wait),
        };
        let llm = Script::new(waits.iter().map(refused).map(Reply::error));
        let begun = Instant::now();
        let given_up = fold(Retry::new(llm.clone(), policy).stream(hi()), |_| {}).await.unwrap_err();
        let asked = format!("{:?} {}", begun.elapsed(), given_up.message);
        assert_eq!((asked.as_str(), llm.requests().len()), (expected, waits.len()));
        assert_eq!(given_up.retry_after(), waits.last().copied().filter(|wait| !wait.is_zero()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_to_wait_too_long_gives_up_at_once_and_says_for_how_long() {
        let hour = "said the test; given up after 1 attempt, since the server asks to wait 1h, more than 10m";
        check_given_up(exact(), &[3600], &format!("0ns {hour}")).await;
        check_given_up(
            exact().longest_retry_after(Duration::from_secs(20)),
            &[20, 21],
            "20s said the test; given up after 2 attempts in 20.0 s, since the server asks to wait 21s, more than 20s",
        )
        .await;
        // As long as it waits at most.
        check_given_up(
            exact().max_retries(1),
            &[600, 600],
            "600s said the test; given up after 2 attempts in 600.0 s",
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_that_would_begin_after_the_budget_is_not_waited_for() {
        let policy = || exact().max_retries(9).budget(Duration::from_millis(3_500));
        check_given_up(
            policy(),
            &[0, 0, 0, 0],
            "3.5s said the test; given up after 4 attempts in 3.5 s, since the next one, after 4.0 s, would be \
             beyond the budget of 3s 500ms",
        )
        .await;
        check_given_up(
            policy(),
            &[0, 4],
            "500ms said the test; given up after 2 attempts in 0.5 s, since the next one, after 4.0 s, would \
             be beyond the budget of 3s 500ms",
        )
        .await;
        check_given_up(
            policy().budget(Duration::ZERO),
            &[0],
            "0ns said the test; given up after 1 attempt, since the next one, after 0.5 s, would be beyond \
             the budget of 0s",
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_no_stream_is_asked_for_by_the_same_rules() {
        let answers = |errors: Vec<LlmError>| Mutex::new(VecDeque::from(errors));
        let ask = async |errors: Mutex<VecDeque<LlmError>>| {
            let ask = || async { errors.lock().unwrap().pop_front().map_or(Ok("fine"), Err) };
            let begun = Instant::now();
            let answer = exact().retry(ask).await.map_err(|error| error.message.clone());
            (begun.elapsed().as_millis(), answer)
        };
        let busy = || error(LlmErrorKind::Overloaded);
        assert_eq!(ask(answers(vec![busy(), full(Duration::from_secs(2))])).await, (2_500, Ok("fine")));
        let given_up = "said the test; given up after 3 attempts in 1.5 s".to_owned();
        assert_eq!(ask(answers(vec![busy(), busy(), busy()])).await, (1_500, Err(given_up)));
        let wrong = error(LlmErrorKind::InvalidRequest);
        assert_eq!(ask(answers(vec![wrong])).await, (0, Err("said the test".to_owned())));
    }
}
