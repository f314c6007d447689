//! Runs in this process.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use tokio_util::sync::CancellationToken;

use crate::{
    Agent, BuildError, Cancel, Conversation, Decisions, End, Event, EventQueue, HostRun, Limits, LocalHost,
    Mode, RunError, Team, host::local::Options,
};

/// A run of a conversation until it is the user's turn. [`Team::run`] and
/// [`Agent::run`](crate::Agent::run) return it. `.await` it for its [`End`]. To read its events,
/// call [`Run::next`] first: `while let Some(event) = run.next().await { … }`, then `run.await`.
///
/// Nothing happens until the run is polled. When the run is dropped, the conversation keeps the
/// results of finished calls. Async calls that are not finished are aborted at their next `await`.
/// A blocking call runs to its end, but its result is not used, and
/// [`Context::cancelled`](crate::Context::cancelled) is `true` for it. The conversation can be run
/// again, and no finished call is made twice.
#[must_use = "a run does nothing until it is awaited"]
pub struct Run<'a> {
    /// What is to be run, until it begins.
    ready: Option<(Plan, &'a mut Conversation)>,
    /// The run, after it has begun.
    run: Option<HostRun<'a, RunError>>,
    cancel: CancellationToken,
    decisions: Decisions,
}

/// What is to be run, and how.
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
        decisions: Decisions,
    ) -> Result<End, RunError> {
        let host = LocalHost::for_run(self.team?, self.options, cancel);
        host.check_values()?;
        host.run_with_decisions(conversation, decisions).await
    }
}

impl Agent {
    /// Runs a conversation with this agent alone, until it is the user's turn. If tools of the
    /// agent lead to other agents, use [`Team::run`] with a team that has all of them.
    pub fn run<'a>(&self, conversation: &'a mut Conversation) -> Run<'a> {
        Run::new(Team::new([self.clone()]).map_err(BuildError::without_team), conversation)
    }
}

impl Team {
    /// Runs a conversation until it is the user's turn: the agent has answered, a person must
    /// decide about a call, or the run [ended](End) in another way. `.await` the run, or read its
    /// events.
    pub fn run<'a>(&self, conversation: &'a mut Conversation) -> Run<'a> {
        Run::new(Ok(self.clone()), conversation)
    }
}

impl<'a> Run<'a> {
    fn new(team: Result<Team, BuildError>, conversation: &'a mut Conversation) -> Self {
        let (cancel, decisions) = (CancellationToken::new(), Decisions::default());
        Self { ready: Some((Plan::new(team), conversation)), run: None, cancel, decisions }
    }

    /// Sets whether the calls of a reply run in parallel or one after the other. The default is
    /// [`Mode::Concurrent`].
    pub fn mode(self, mode: Mode) -> Self {
        self.plan(|plan| plan.options.mode = mode)
    }

    /// Sets whether the text so far of a reply is kept if the run is cancelled or dropped while the
    /// reply streams. The default is `false`: the partial reply is forgotten, and the next run asks
    /// for a new one.
    ///
    /// With `true`, the text is recorded as a reply that was cut
    /// ([`StopReason::Cancelled`](crate::StopReason::Cancelled)). A cancelled run then ends with
    /// [`End::Cut`]. Calls in the reply are not made, and it is the user's turn.
    ///
    /// If the run is dropped, text is kept only in the user's own conversation. In a delegated
    /// conversation nothing is kept, and the next run asks for the whole reply again. On a journal
    /// or an engine nothing is kept of a reply whose run is dropped, because only what is on the
    /// disk is in the record. To keep the text there, [cancel](Cancel) the run and then await it.
    pub fn keep_partial_reply(self, keep: bool) -> Self {
        self.plan(|plan| plan.options.keeps_partial_reply = keep)
    }

    /// Sets limits for this run, instead of the team's.
    pub fn limits(self, limits: Limits) -> Self {
        self.plan(|plan| plan.limit(limits))
    }

    /// Calls `listener` with every event, as it happens.
    pub fn listen(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.plan(|plan| plan.options.listeners.add(listener))
    }

    /// Lets `cancel` stop this run, also before the run is first polled.
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        self.plan(|plan| plan.options.cancel = Some(cancel.handle()))
    }

    /// Returns what approves and denies calls of this run that wait for a person, while the run goes
    /// on.
    pub fn decisions(&self) -> Decisions {
        self.decisions.clone()
    }

    /// Gives a value that belongs to this run to its tools: the user, a database, a tenant. Calls
    /// read it with [`Context::get`](crate::Context::get), also calls of agents that get the
    /// conversation or a task from another agent. A run has at most one value of each type: a later
    /// one replaces an earlier one.
    ///
    /// The value is not a part of the conversation. It is not saved, no model reads it, and another
    /// run does not have it. A later run of the conversation gets its own.
    ///
    /// A tool can say in its spec that it [needs](crate::ToolSpec::needs) a value. If one is
    /// missing for any tool of any agent of the team, the run fails with
    /// [`RunError::MissingValue`](crate::RunError::MissingValue) before it asks a model.
    ///
    /// ```
    /// # use agent_core::{Agent, Context, Json, Outcome, Tool, ToolSpec, async_trait, tool::Need};
    /// # use agent_core::script::{Reply, Script};
    /// struct User { id: u64 }
    ///
    /// struct Orders(ToolSpec);
    ///
    /// #[async_trait]
    /// impl Tool for Orders {
    ///     fn spec(&self) -> &ToolSpec {
    ///         &self.0
    ///     }
    ///
    ///     async fn call(&self, _: Json, context: Context) -> Outcome {
    ///         context.need::<User>().map(|user| format!("the orders of user {}", user.id)).into()
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let schema = serde_json::json!({"type": "object"});
    /// let mut spec = ToolSpec::new("orders", "The user's orders.", schema);
    /// spec.needs = vec![Need::of::<User>()];
    /// # let call = Reply::call("orders", serde_json::json!({}));
    /// # let model = Script::new([call, Reply::text("None.")]);
    /// let agent = Agent::builder("clerk", model).tool(Orders(spec)).build()?;
    /// let mut conversation = agent.start("What have I ordered?");
    /// agent.run(&mut conversation).with(User { id: 7 }).await?;
    /// assert!(conversation.to_string().contains("= the orders of user 7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.plan(|plan| plan.options.values.add(value))
    }

    fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        if let Some((plan, _)) = &mut self.ready {
            change(plan);
        }
        self
    }

    /// Returns the next event; `None` when the run is over.
    ///
    /// The run makes progress only while `next` or the run itself is awaited, but calls that are
    /// running go on by themselves. If a call reports [progress](crate::Context::progress) faster
    /// than you read it, only its newest report is kept, with the number of dropped ones. No other
    /// event is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.started(true).poll_next(context)).await
    }

    /// Begins the run if it has not begun. `is_read` says whether its events are collected.
    fn started(&mut self, is_read: bool) -> &mut HostRun<'a, RunError> {
        if let Some((mut plan, conversation)) = self.ready.take() {
            let events = EventQueue::default();
            if is_read {
                plan.options.listeners.add(events.listener());
            }
            let (cancel, decisions) = (self.cancel.clone(), self.decisions.clone());
            self.run = Some(HostRun::new(plan.carry_out(conversation, cancel, decisions), move || events));
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
        // Done first, so that a blocking call sees it as soon as possible.
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
