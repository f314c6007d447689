//! A run: a conversation until it is the user's turn.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use tokio_util::sync::CancellationToken;

use crate::{
    Agent, BuildError, Cancel, Conversation, End, Event, EventQueue, HostRun, Limits, LocalHost, Mode,
    RunError, Team, host::local::Options,
};

/// A run of a conversation, from [`Team::run`] or [`Agent::run`](crate::Agent::run): `.await` it
/// for its [`End`], or read its events with [`Run::next`] first:
/// `while let Some(event) = run.next().await { … }`, then `run.await`.
///
/// Nothing happens before it is polled. Dropping it keeps in the conversation what has ended by
/// then, and aborts the rest: async calls at their next await; a blocking call under way runs to
/// its end, sees [`Context::cancelled`](crate::Context::cancelled), and its result is not used. The
/// same conversation can be run again, and no finished call is made twice.
#[must_use = "a run does nothing until it is awaited"]
pub struct Run<'a> {
    /// What it will be, until it begins.
    ready: Option<(Plan, &'a mut Conversation)>,
    /// There from then on.
    run: Option<HostRun<'a, RunError>>,
    cancel: CancellationToken,
}

/// What a run will be.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) team: Result<Team, BuildError>,
    pub(crate) options: Options,
}

impl Plan {
    pub(crate) fn new(team: Result<Team, BuildError>) -> Self {
        Self { team, options: Options::default() }
    }

    pub(crate) fn limit(&mut self, limits: Limits) {
        self.team = self.team.clone().map(|team| team.with_limits(limits));
    }

    pub(crate) async fn carry_out(
        self,
        conversation: &mut Conversation,
        cancel: CancellationToken,
    ) -> Result<End, RunError> {
        LocalHost::with(self.team?, self.options, cancel).run_keeping_partial_reply(conversation).await
    }
}

impl Agent {
    /// A run of this agent alone, until it is the user's turn. See [`Team::run`]; an agent that
    /// sends work to others runs in a team that has them, too.
    pub fn run<'a>(&self, conversation: &'a mut Conversation) -> Run<'a> {
        Run::new(Team::new([self.clone()]).map_err(BuildError::without_team), conversation)
    }
}

impl Team {
    /// Runs a conversation until it is the user's turn: `.await` it, or read its events.
    pub fn run<'a>(&self, conversation: &'a mut Conversation) -> Run<'a> {
        Run::new(Ok(self.clone()), conversation)
    }
}

impl<'a> Run<'a> {
    fn new(team: Result<Team, BuildError>, conversation: &'a mut Conversation) -> Self {
        Self { ready: Some((Plan::new(team), conversation)), run: None, cancel: CancellationToken::new() }
    }

    /// How the calls of a turn are made; [`Mode::Concurrent`] by default.
    pub fn mode(self, mode: Mode) -> Self {
        self.plan(|plan| plan.options.mode = mode)
    }

    /// Whether a reply that is cancelled while it streams, or whose run is dropped then, is kept as
    /// far as it was shown; by default it is not, as if it had never been asked for. What is kept
    /// are its words, as a reply that was cut short
    /// ([`StopReason::Cancelled`](crate::StopReason::Cancelled)): the run ends with [`End::Cut`],
    /// the calls in the reply are not made, and the user goes on from there.
    ///
    /// A run that is dropped keeps them in the user's own conversation, and tells nobody. In one
    /// that was delegated it keeps nothing, so that the next run has the whole of it said. On a
    /// journal, or an engine, nothing is kept of a reply whose run is dropped, since nothing is in
    /// the record that is not on the disk: who wants its words there [cancels](Cancel) the run, and
    /// then awaits it.
    pub fn keep_partial_reply(self, keep: bool) -> Self {
        self.plan(|plan| plan.options.keeps_partial_reply = keep)
    }

    /// Other limits than the team's.
    pub fn limits(self, limits: Limits) -> Self {
        self.plan(|plan| plan.limit(limits))
    }

    /// Tells `listener` of every event, as it happens.
    pub fn listen(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.plan(|plan| plan.options.listeners.add(listener))
    }

    /// What `cancel` stops, from now on: also before the run is polled for the first time.
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        self.plan(|plan| plan.options.cancel = Some(cancel.handle()))
    }

    fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        if let Some((plan, _)) = &mut self.ready {
            change(plan);
        }
        self
    }

    /// The next event; `None` once the run is over. The run goes on only while this is awaited;
    /// calls that are under way go on by themselves. If they tell more of their
    /// [progress](crate::Context::progress) than is read, the newest of each is kept and the others
    /// are counted; no other event is ever dropped.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.started(true).poll_next(context)).await
    }

    /// The run, which begins if it has not yet: with its events kept or not.
    fn started(&mut self, is_read: bool) -> &mut HostRun<'a, RunError> {
        if let Some((mut plan, conversation)) = self.ready.take() {
            let events = EventQueue::default();
            if is_read {
                plan.options.listeners.add(events.listener());
            }
            let cancel = self.cancel.clone();
            self.run = Some(HostRun::new(plan.carry_out(conversation, cancel), move || events));
        }
        self.run.as_mut().expect("it has begun above")
    }
}

impl Future for Run<'_> {
    type Output = Result<End, RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(self.started(false)).poll(context)
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // First, so that a blocking call sees it as soon as possible.
        self.cancel.cancel();
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.run {
            None => "ready",
            Some(run) if run.is_over() => "over",
            Some(_) => "going",
        };
        f.debug_struct("Run").field("stage", &stage).finish_non_exhaustive()
    }
}
