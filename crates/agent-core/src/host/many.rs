//! Runs many conversations in parallel.

use std::{
    collections::VecDeque,
    fmt,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{FutureExt, Stream};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Cancel, Conversation, Decisions, End, Event, Limits, Mode, RunError, Team, host::run::Plan,
    panic_message::panic_message,
};

/// A stream of conversations as they end. [`Team::run_many`] returns it. Each conversation runs on
/// its own task, and a limited number run in parallel. A conversation whose id is still
/// [`DEFAULT_ID`](Conversation::DEFAULT_ID) gets an id from its place in the input: `run-0`,
/// `run-1`, … To [decide](crate::Run::decisions) about a call that waits, wait until its
/// conversation has ended. Dropping the stream aborts the running conversations.
#[must_use = "conversations begin only while the stream is polled"]
pub struct Many {
    plan: Plan,
    queue: VecDeque<(usize, Conversation)>,
    running: JoinSet<Finished>,
    at_most: usize,
    done: usize,
    cancel: CancellationToken,
}

/// A conversation of [`Team::run_many`] that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The place of the conversation in the input, from 0.
    pub index: usize,
    /// The conversation.
    pub conversation: Conversation,
    /// How the run ended.
    pub end: Result<End, RunError>,
}

/// How many of the conversations have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number that have ended.
    pub done: usize,
    /// The number that are running.
    pub running: usize,
    /// The number of all conversations.
    pub total: usize,
}

impl Team {
    /// Runs many conversations, at most `at_most` of them in parallel, each on its own task. 0
    /// counts as 1. Returns a stream of the conversations as they end.
    pub fn run_many(&self, conversations: impl IntoIterator<Item = Conversation>, at_most: usize) -> Many {
        Many::new(self.clone(), conversations.into_iter().collect(), at_most)
    }
}

impl Many {
    fn new(team: Team, conversations: Vec<Conversation>, at_most: usize) -> Self {
        Self {
            plan: Plan::new(Ok(team)),
            queue: conversations.into_iter().enumerate().map(numbered).collect(),
            running: JoinSet::new(),
            at_most: at_most.max(1),
            done: 0,
            cancel: CancellationToken::new(),
        }
    }

    /// Sets whether the calls of a reply run in parallel or one after the other. The default is
    /// [`Mode::Concurrent`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.plan.options.mode = mode;
        self
    }

    /// Sets whether the text so far of a cancelled reply is kept; see
    /// [`Run::keep_partial_reply`](crate::Run::keep_partial_reply).
    pub fn keep_partial_reply(mut self, keep: bool) -> Self {
        self.plan.options.keeps_partial_reply = keep;
        self
    }

    /// Sets limits for each conversation, instead of the team's.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.plan.limit(limits);
        self
    }

    /// Calls `listener` with every event of every conversation. The times of the events count from
    /// the start of the first conversation.
    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.plan.options.listeners.add(listener);
        self
    }

    /// Lets `cancel` stop all conversations, also those that have not begun. A second call
    /// replaces the first `cancel`.
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.plan.options.cancel = Some(cancel.handle());
        self
    }

    /// Gives a value to the tools of all these conversations; see [`Run::with`](crate::Run::with).
    pub fn with<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.plan.options.values.add(value);
        self
    }

    /// Returns how many conversations have ended, are running, and are there in all.
    pub fn progress(&self) -> Progress {
        let running = self.running.len();
        Progress { done: self.done, running, total: self.done + running + self.queue.len() }
    }

    fn start_next(&mut self) {
        while self.running.len() < self.at_most {
            let Some((index, mut conversation)) = self.queue.pop_front() else { break };
            let (plan, cancel) = (self.plan.clone(), self.cancel.child_token());
            self.running.spawn(async move {
                let run = plan.carry_out(&mut conversation, cancel, Decisions::default());
                let end = AssertUnwindSafe(run)
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|panic| Err(RunError::Panicked { message: panic_message(&*panic) }));
                Finished { index, conversation, end }
            });
        }
    }
}

/// Gives conversations different ids, so that their events and idempotency keys differ.
fn numbered((index, conversation): (usize, Conversation)) -> (usize, Conversation) {
    match conversation.id() {
        Conversation::DEFAULT_ID => (index, conversation.with_id(format!("run-{index}"))),
        _ => (index, conversation),
    }
}

impl Stream for Many {
    type Item = Finished;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Finished>> {
        self.plan.options.began.get_or_insert_with(Instant::now);
        self.start_next();
        let ended = ready!(self.running.poll_join_next(context));
        Poll::Ready(ended.map(|finished| {
            self.done += 1;
            self.start_next();
            finished.expect("its panics are caught, and only a drop of the stream aborts it")
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.running.len() + self.queue.len();
        (left, Some(left))
    }
}

impl Drop for Many {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl fmt::Debug for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress().fmt(f)
    }
}
