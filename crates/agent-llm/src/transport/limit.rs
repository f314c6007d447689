//! How long to wait for what.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use agent_core::{LlmError, model::LlmErrorKind};
use futures::FutureExt;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// How long a streamed reply may take, if nothing else is said and it has no more tokens than this
/// allows.
const STREAMED: Duration = Duration::from_secs(3600);

/// How long an answer in one piece may take, if nothing else is said.
const IN_ONE_PIECE: Duration = Duration::from_secs(600);

/// What the official clients reckon with.
const TOKENS_AN_HOUR: u64 = 128_000;

/// The time limits of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) first_byte: Duration,
    pub(crate) idle: Duration,
    pub(crate) content: Duration,
    pub(crate) total: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(600),
            idle: Duration::from_secs(60),
            content: Duration::from_secs(600),
            total: None,
        }
    }
}

/// One limit that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    name: &'static str,
    length: Duration,
    until: Instant,
    /// Nobody has asked for it: it is there so that nothing goes on for ever.
    by_default: bool,
}

impl Limit {
    fn new(name: &'static str, length: Duration, from: Instant) -> Self {
        /// Stands for "never", where a clock can't count as far as was asked.
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        let until = from.checked_add(length).unwrap_or_else(|| from + CENTURY);
        Self { name, length, until, by_default: false }
    }

    /// The limit of a whole reply of up to so many tokens that is streamed.
    fn streamed(limits: &Limits, max_tokens: u64, from: Instant) -> Self {
        match limits.total {
            Some(total) => Self::new("total", total, from),
            None => {
                let needed = Duration::from_secs(max_tokens.saturating_mul(3600) / TOKENS_AN_HOUR);
                Self { by_default: true, ..Self::new("total", STREAMED.max(needed), from) }
            }
        }
    }

    /// The error of a limit that was passed; it says which and how long it is.
    fn passed(self) -> LlmError {
        let mut error = timed_out(self.name, self.length);
        if self.by_default {
            // What took so long takes as long again.
            error.should_retry = Some(false);
            error.message.push_str("; set `total_timeout` if it may take longer");
        }
        error
    }

    /// The limit of an answer that comes in one piece, from now.
    pub(crate) fn whole(limits: &Limits) -> Self {
        Self::new("total", limits.total.unwrap_or(IN_ONE_PIECE), Instant::now())
    }

    /// The limit of a reply of up to so many tokens that comes in one piece. If it may well take
    /// longer, and nobody has said how long it may take, that is an error: it would only be seen
    /// after the whole time.
    pub(crate) fn reply(limits: &Limits, max_tokens: u64) -> Result<Self, LlmError> {
        let most = TOKENS_AN_HOUR * IN_ONE_PIECE.as_secs() / 3600;
        if limits.total.is_some() || max_tokens <= most {
            return Ok(Self::whole(limits));
        }
        let message = format!(
            "a reply of up to {max_tokens} tokens that is not streamed may take longer than {IN_ONE_PIECE:?}, \
             and all of it would be lost: stream it, set `total_timeout`, or ask for {most} tokens at most"
        );
        Err(LlmError::new(LlmErrorKind::Configuration, message))
    }

    /// What the future gives, or an error when time is up first.
    pub(crate) fn keep<T>(
        self,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, LlmError>> {
        timeout_at(self.until, future).map(move |kept| kept.map_err(|_| self.passed()))
    }
}

/// The limits of a streamed reply: to its first byte, between bytes, between what is more than a
/// sign of life, and in all.
#[derive(Debug)]
pub(crate) struct Clock {
    limits: Limits,
    begun: Instant,
    /// The limit of the whole.
    total: Limit,
    heard: bool,
    /// Since when nothing of the reply itself came; `None` if something did since it was last
    /// waited for.
    silent: Option<Instant>,
    /// The one timer of the reply. To set one may wake the runtime, so it is set only when there is
    /// something to wait for, soon enough for any limit, and set anew only when it rings.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whom it wakes, once it is set.
    wakes: Option<Waker>,
    /// The limit of the wait that goes on.
    waiting: Option<Limit>,
}

impl Clock {
    /// A reply of up to so many tokens is asked for.
    pub(crate) fn start(limits: &Limits, max_tokens: u64) -> Self {
        let begun = Instant::now();
        Self {
            limits: *limits,
            begun,
            total: Limit::streamed(limits, max_tokens, begun),
            heard: false,
            silent: Some(begun),
            timer: None,
            wakes: None,
            waiting: None,
        }
    }

    /// Bytes came: the wait for them is over.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
        self.waiting = None;
    }

    /// Something of the reply itself came.
    pub(crate) fn told(&mut self) {
        self.silent = None;
    }

    /// An error if the time for the whole is over: what comes without a wait meets no other limit.
    pub(crate) fn check(&self) -> Result<(), LlmError> {
        if Instant::now() < self.total.until { Ok(()) } else { Err(self.total.passed()) }
    }

    /// What the future gives, or an error when a limit of this wait is passed first.
    pub(crate) async fn keep<T>(
        &mut self,
        mut future: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, LlmError> {
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(done) => {
                self.waiting = None;
                Poll::Ready(Ok(done))
            }
            Poll::Pending => self.poll_passed(context).map(Err),
        })
        .await
    }

    /// Ready with the error when a limit is passed of the wait that goes on; polled when what is
    /// waited for is pending.
    pub(crate) fn poll_passed(&mut self, context: &mut Context<'_>) -> Poll<LlmError> {
        let limit = match self.waiting {
            Some(limit) => limit,
            None => self.begin(),
        };
        let timer = self.timer.as_mut().expect("it is there since a wait began");
        // A timer that will wake this task anyway need not be told again, for each piece of a
        // reply.
        let is_set = self.wakes.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        if is_set && !timer.is_elapsed() {
            return Poll::Pending;
        }
        self.wakes = Some(context.waker().clone());
        loop {
            // Whatever else the task has done in this poll: a timer that yields to others is not
            // set.
            ready!(unconstrained(timer.as_mut()).poll_unpin(context));
            if Instant::now() >= limit.until {
                return Poll::Ready(limit.passed());
            }
            timer.as_mut().reset(limit.until);
        }
    }

    /// A wait begins: the timer is set to ring soon enough.
    fn begin(&mut self) -> Limit {
        let now = Instant::now();
        let limit = self.next(now);
        let rings = limit.until.min(Limit::new("", self.limits.idle, now).until);
        let is_late = |timer: &Pin<Box<Sleep>>| timer.deadline() > rings;
        if self.timer.as_ref().is_none_or(is_late) {
            // One that is reset is asked again, or it would not be set.
            self.wakes = None;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(rings),
                None => self.timer = Some(Box::pin(sleep_until(rings))),
            }
        }
        *self.waiting.insert(limit)
    }

    /// The limit of a wait that begins now.
    fn next(&mut self, now: Instant) -> Limit {
        let wait = match self.heard {
            true => Limit::new("idle", self.limits.idle, now),
            false => Limit::new("first byte", self.limits.first_byte, self.begun),
        };
        let content = Limit::new("content", self.limits.content, *self.silent.get_or_insert(now));
        // Of two that end together the first named here.
        [wait, content, self.total].into_iter().min_by_key(|limit| limit.until).unwrap_or(wait)
    }
}

/// The error of a limit that was passed; it says which and how long it is.
pub(crate) fn timed_out(name: &str, length: Duration) -> LlmError {
    let what = match name {
        "connect" => "no connection",
        "first byte" => "no byte of a reply",
        "idle" => "nothing more of the reply",
        "content" => "signs of life but nothing of the reply",
        _ => "no whole reply",
    };
    LlmError::new(LlmErrorKind::Timeout, format!("{what} within {length:?} ({name} timeout)"))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    async fn expect(wait: impl Future<Output = Result<(), LlmError>>, length: Duration, message: &str) {
        let begun = Instant::now();
        let error = wait.await.unwrap_err();
        assert_eq!((begun.elapsed(), error.message.as_str()), (length, message));
        assert_eq!(error.kind, LlmErrorKind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn each_limit_has_its_length_and_its_words() {
        let limits = Limits::default();
        expect(
            Limit::whole(&limits).keep(pending()),
            seconds(600),
            "no whole reply within 600s (total timeout)",
        )
        .await;
        let reply = Limit::reply(&limits, 21_333).unwrap();
        expect(reply.keep(pending()), seconds(600), "no whole reply within 600s (total timeout)").await;
        let mut clock = Clock::start(&limits, 0);
        tokio::time::advance(seconds(200)).await;
        let first = "no byte of a reply within 600s (first byte timeout)";
        expect(clock.keep(pin!(pending())), seconds(400), first).await;
        clock.heard();
        clock.told();
        let idle = "nothing more of the reply within 60s (idle timeout)";
        expect(clock.keep(pin!(pending())), seconds(60), idle).await;
    }

    #[tokio::test(start_paused = true)]
    async fn fault_39_keep_alives_do_not_mask_a_dead_model() {
        let limits = Limits { content: seconds(100), ..Limits::default() };
        let mut clock = Clock::start(&limits, 0);
        clock.told();
        for _ in 0..3 {
            clock.keep(pin!(tokio::time::sleep(seconds(30)))).await.unwrap();
            clock.heard();
        }
        let content = "signs of life but nothing of the reply within 100s (content timeout)";
        expect(clock.keep(pin!(pending())), seconds(10), content).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_total_limit_holds_a_stream_that_keeps_talking() {
        let mut clock = Clock::start(&Limits { total: Some(seconds(90)), ..Limits::default() }, 0);
        for _ in 0..3 {
            clock.heard();
            clock.keep(pin!(tokio::time::sleep(seconds(25)))).await.unwrap();
        }
        expect(clock.keep(pin!(pending())), seconds(15), "no whole reply within 90s (total timeout)").await;
    }

    #[tokio::test(start_paused = true)]
    async fn field_79_a_drip_ends_and_is_not_asked_for_again_unless_somebody_set_the_limit() {
        let drip = async |limits: &Limits, max_tokens: u64| {
            let (begun, mut clock) = (Instant::now(), Clock::start(limits, max_tokens));
            loop {
                let letter = tokio::time::sleep(Duration::from_millis(200));
                match clock.keep(pin!(letter)).await {
                    Ok(()) => (clock.heard(), clock.told()),
                    Err(error) => return (begun.elapsed(), error.is_retryable(), error.message.clone()),
                };
            }
        };
        let message = |length: u64| {
            format!(
                "no whole reply within {length}s (total timeout); set `total_timeout` if it may take longer"
            )
        };
        assert_eq!(drip(&Limits::default(), 64_000).await, (seconds(3_600), false, message(3_600)));
        assert_eq!(drip(&Limits::default(), 256_000).await, (seconds(7_200), false, message(7_200)));
        let set = Limits { total: Some(seconds(5)), ..Limits::default() };
        let message = "no whole reply within 5s (total timeout)".to_owned();
        assert_eq!(drip(&set, 64_000).await, (seconds(5), true, message));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_in_a_task_that_has_done_much_before() {
        let semaphore = std::sync::Arc::new(tokio::sync::Semaphore::new(1_000));
        let limits = Limits::default();
        let waits = (0..1_000).map(|_| async {
            // Each uses some of what a task may do before it lets others go on.
            let _permit = semaphore.acquire().await.unwrap();
            Clock::start(&limits, 0).keep(pin!(pending::<()>())).await.unwrap_err()
        });
        assert_eq!(futures::future::join_all(waits).await.len(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_end_is_none() {
        let all = Duration::MAX;
        let limits = Limits { idle: all, content: all, total: Some(all), ..Limits::default() };
        let mut clock = Clock::start(&limits, 0);
        clock.heard();
        clock.keep(pin!(tokio::time::sleep(seconds(1_000_000)))).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_may_take_longer_than_it_may_is_not_asked_for() {
        let error = Limit::reply(&Limits::default(), 21_334).unwrap_err();
        assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Configuration, false));
        insta::assert_snapshot!(error.message, @"a reply of up to 21334 tokens that is not streamed may take longer than 600s, and all of it would be lost: stream it, set `total_timeout`, or ask for 21333 tokens at most");
        let patient = Limits { total: Some(seconds(3600)), ..Limits::default() };
        let limit = Limit::reply(&patient, 64_000).unwrap();
        expect(limit.keep(pending()), seconds(3600), "no whole reply within 3600s (total timeout)").await;
    }
}
