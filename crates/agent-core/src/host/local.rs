//! The in-process host.

mod ask;
mod ask_meter;
mod assign_early_calls;
mod backgrounds;
mod begun_plans;
mod budgets;
mod call;
mod call_events;
mod call_key;
mod call_meter;
mod count;
mod decided;
mod driven;
mod early;
mod early_plans;
mod early_reply;
mod for_hosts;
mod make;
mod mode;
mod note;
mod options;
mod paid_elsewhere;
mod partial_reply;
mod payer;
mod perform;
mod plan_end;
mod plan_steps;
mod replaced_ids;
mod reported_waits;
mod running_call;
mod started_calls;
mod task;
mod time_limit;
mod timing;
mod until_returned;
mod worst_case;

use std::sync::{Arc, OnceLock};

use backgrounds::Backgrounds;
use budgets::Budgets;
use call::Caller;
pub use early_reply::EarlyReply;
use futures::{FutureExt, future::BoxFuture};
pub use mode::Mode;
pub(crate) use options::Options;
pub use paid_elsewhere::PaidReply;
use partial_reply::PartialReply;
pub use payer::{Payer, Settle};
use reported_waits::ReportedWaits;
use started_calls::StartedCalls;
pub use time_limit::TimeLimit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
pub use worst_case::Measured;

use crate::{
    Cancel, Conversation, Decisions, Early, End, Event, EventKind, Failure, Host, Perform, Response, Rules,
    RunError, Team, ToolTurn, Turn, drive,
    event::emitter::{Emitter, Origin},
    event::{Listeners, QueueReason},
    host::cancel::{CancelHandle, RunTokens},
    host::in_parallel::in_parallel_beside,
};

const ALONE: &str = "before its first call, nobody else has it";

/// The in-process host. It asks the models, and makes each tool call on its own task (or on the
/// blocking pool). Calls of read-only tools start while the reply still streams ([`Early`]).
/// Delegated conversations are driven in parallel, in the task of the run. Use [`Run`](crate::Run)
/// for plain runs; this type is for building your own host.
#[derive(Debug)]
pub struct LocalHost {
    caller: Arc<Caller>,
    started: StartedCalls,
    backgrounds: Backgrounds,
    /// Whether calls of a tool of the team may be detached.
    may_detach: bool,
    reported_waits: ReportedWaits,
    mode: Mode,
    /// The upper limit on which calls may start early.
    early: Early,
    /// Whether the text so far of a cancelled reply is kept.
    keeps_partial_reply: bool,
    /// The text so far of a reply whose run is dropped, if it is to be kept.
    partial_reply: Option<PartialReply>,
    /// What stops it from outside, or stops single calls. Most runs have none.
    cancel: OnceLock<Arc<RunTokens>>,
    /// What decides while a run goes on, if anybody can: plain runs have it.
    decisions: Option<Decisions>,
}

impl LocalHost {
    /// Makes a host for one run of this team. The counts for the [`Limits`](crate::Limits) of a run
    /// belong to the host: before a second run, call [`begin_run`](Self::begin_run).
    pub fn new(team: Team) -> Self {
        let listeners = Listeners::default().with_reader();
        Self::for_run(team, Options { listeners, ..Options::default() }, CancellationToken::new())
    }

    /// `dropped` is cancelled when the run is dropped.
    pub(crate) fn for_run(team: Team, options: Options, dropped: CancellationToken) -> Self {
        let Options { mode, listeners, began, keeps_partial_reply, cancel, values } = options;
        let (has_timeouts, may_detach) = (team.has_timeouts(), team.may_detach());
        let emitter = Emitter { listeners, began: began.unwrap_or_else(Instant::now) };
        let caller = Arc::new(Caller::new(team, emitter, values, dropped));
        let (started, cancel) = (StartedCalls::default(), cancel.as_ref().map(CancelHandle::for_run));
        // Timeouts use the same tokens.
        let cancel = cancel.or_else(|| has_timeouts.then(Arc::default));
        let cancel = cancel.map(OnceLock::from).unwrap_or_default();
        let (reported_waits, partial_reply) =
            (ReportedWaits::default(), keeps_partial_reply.then(PartialReply::default));
        Self {
            caller,
            started,
            backgrounds: Backgrounds::default(),
            may_detach,
            reported_waits,
            mode,
            early: Early::All,
            keeps_partial_reply,
            partial_reply,
            cancel,
            decisions: None,
        }
    }

    /// Sets whether the calls of a reply run in parallel or one after the other. The default is
    /// [`Mode::Concurrent`].
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets whether the text so far of a cancelled reply is kept; see
    /// [`Run::keep_partial_reply`](crate::Run::keep_partial_reply). With this host, nothing is kept
    /// of a reply whose run is dropped.
    pub fn keep_partial_reply(mut self, keep: bool) -> Self {
        self.keeps_partial_reply = keep;
        self
    }

    /// Sets the most that any agent's setting of [`Early`] may allow. It is for hosts around this
    /// one. By default each agent's own setting applies.
    pub fn early(mut self, most: Early) -> Self {
        self.early = most;
        self
    }

    /// Calls `listener` with every event, as it happens.
    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        let emitter = &mut self.own_caller().emitter;
        Arc::get_mut(emitter).expect(ALONE).listeners.add(listener);
        self
    }

    /// Gives a value to the tools of all runs of this host; see [`Run::with`](crate::Run::with).
    /// Call it before the first run.
    pub fn with<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.own_caller().values.add(value);
        self
    }

    fn own_budgets(&mut self) -> &mut Budgets {
        Arc::get_mut(&mut self.own_caller().budgets).expect(ALONE)
    }

    fn own_caller(&mut self) -> &mut Caller {
        Arc::get_mut(&mut self.caller).expect(ALONE)
    }

    /// Lets `cancel` stop this host, from now on. If you call this again with another `Cancel`,
    /// each of them can stop it.
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        match self.cancel.get() {
            Some(tokens) => cancel.handle().share_run(tokens),
            None => self.cancel = cancel.handle().for_run().into(),
        }
        self
    }

    /// Drives a conversation to its end, and emits the event of its end. It returns a boxed future,
    /// because the loop calls itself here.
    pub(crate) fn run<'a>(
        &'a self,
        conversation: &'a mut Conversation,
    ) -> BoxFuture<'a, Result<End, RunError>> {
        self.drive_by(conversation, self).boxed()
    }

    /// Drives a conversation by `outer`, a host around this one, and emits the event
    /// [`Ended`](crate::EventKind::Ended). Until then, [`Cancel::call`](crate::Cancel::call) can
    /// stop a delegated conversation by its id. If a [budget](crate::budget) was used up, the run
    /// ends with [`End::Budget`]. If the conversation already waited for a person, and there was
    /// nothing to do, that end is not emitted again.
    /// [Detached](crate::ToolSpec::detach_after) calls are driven beside the conversation.
    pub async fn drive_by<H>(
        &self,
        conversation: &mut Conversation,
        outer: &H,
    ) -> Result<End, <H as Host>::Error>
    where
        H: Host + Perform<Error = <H as Host>::Error>,
    {
        let waits = !conversation.waiting().is_empty()
            && matches!(conversation.turn(outer.rules()), Turn::User(End::Waiting(_)));
        let end = match self.enter(conversation) {
            Ok(mut driven) => {
                let end = self.drive_beside(driven.conversation(), outer).await;
                self.leave(&driven, end)?
            }
            Err(end) => end,
        };
        if !waits
            && self.caller.emitter.has_listeners()
            && self.reported_waits.is_new(conversation.id(), &end)
        {
            self.tell_end(conversation, &end);
        }
        Ok(end)
    }

    /// Like [`drive_by`](Self::drive_by), but emits no event of the end. It is for engines that may
    /// carry out this code again to see how far it came, and must tell the end only once, with
    /// [`tell_end`](Self::tell_end).
    pub async fn drive_quietly_by<H: Host>(
        &self,
        conversation: &mut Conversation,
        outer: &H,
    ) -> Result<End, H::Error> {
        let mut driven = match self.enter(conversation) {
            Ok(driven) => driven,
            Err(end) => return Ok(end),
        };
        let end = drive(driven.conversation(), outer).await;
        self.leave(&driven, end)
    }

    /// Does the work of a turn like [`act`](Host::act), but lets `outer`, a host around this one,
    /// make each call and drive each delegated conversation. `outer` makes its calls through this
    /// host. If the agent that has the conversation is not in the team, this fails before any work;
    /// see [`Team::check_agent`].
    pub async fn act_by<P>(&self, turn: ToolTurn<'_>, outer: &P) -> Result<(), P::Error>
    where
        P: Perform,
        P::Error: From<RunError>,
    {
        self.caller.check(turn.conversation())?;
        self.caller.budgets.enter_unguarded(turn.conversation(), self.caller.team.limits());
        let at_most = match self.mode {
            Mode::Concurrent => usize::MAX,
            Mode::Sequential => 1,
        };
        let conversation = turn.conversation().id().to_owned();
        self.reported_waits.forget(&conversation);
        self.emit_queued(&turn);
        let background = self.backgrounds.of(&conversation);
        let done = in_parallel_beside(turn, at_most, outer, background.as_deref()).await;
        self.started.forget(&conversation);
        self.forget_plans(&conversation);
        done
    }

    /// Emits an event for each call that waits for others of its reply.
    fn emit_queued(&self, turn: &ToolTurn<'_>) {
        let emitter = &self.caller.emitter;
        for call in emitter.has_listeners().then(|| turn.queued()).into_iter().flatten() {
            emitter.emit(Origin::of(&call), || EventKind::call_queued(&call.call, QueueReason::Exclusive));
        }
    }
}

impl Host for LocalHost {
    type Error = RunError;
    type Rules = Team;

    fn rules(&self) -> &Team {
        &self.caller.team
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, RunError> {
        self.ask_model(so_far, self.stop(so_far), None, None).await
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), RunError> {
        self.act_by(turn, self).await
    }
}

impl Drop for LocalHost {
    fn drop(&mut self) {
        self.caller.cancel.cancel();
    }
}
