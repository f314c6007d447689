//! The in-process host.

mod ask;
mod assign_early_calls;
mod call;
mod call_events;
mod count;
mod early;
mod make;
mod mode;
mod options;
mod partial_reply;
mod replaced_ids;
mod reported_waits;
mod running_call;
mod started_calls;
mod task;
mod time_limit;
mod until_returned;

use std::{future::Future, sync::Arc};

use call::Caller;
use futures::{
    FutureExt,
    future::{BoxFuture, Either, ready},
};
pub use mode::Mode;
pub(crate) use options::Options;
use partial_reply::PartialReply;
use reported_waits::ReportedWaits;
use running_call::is_final;
use started_calls::StartedCalls;
pub use time_limit::TimeLimit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Call, Cancel, Conversation, DelegationGuard, Early, End, Event, EventKind, EventQueue, Failure, Host,
    Outcome, Perform, Receipt, Response, RunError, Team, ToolTurn, Turn, drive,
    event::Listeners,
    event::emitter::{Emitter, Origin},
    host::cancel::{CancelHandle, RunTokens},
    in_parallel,
};

/// The in-process host: asks each agent's model, and makes each tool call on a task of its own (or
/// the blocking pool). Calls of read-only tools start while the reply that makes them still streams
/// ([`Early`]). Delegated conversations are driven beside each other, in the task of the run.
#[derive(Debug)]
pub struct LocalHost {
    caller: Arc<Caller>,
    started: StartedCalls,
    reported_waits: ReportedWaits,
    mode: Mode,
    /// Which calls may start early at most.
    early: Early,
    /// Whether what was shown of a reply that is cancelled is kept.
    keeps_partial_reply: bool,
    /// The same of one whose run is dropped.
    partial_reply: Option<PartialReply>,
    /// What it is stopped by from outside.
    cancel: Option<Arc<RunTokens>>,
}

impl LocalHost {
    /// A host of this team, for one run: limits of a run count per host.
    pub fn new(team: Team) -> Self {
        let listeners = Listeners::default().with_reader();
        Self::with(team, Options { listeners, ..Options::default() }, CancellationToken::new())
    }

    /// `dropped` is cancelled when nobody wants the run any more.
    pub(crate) fn with(team: Team, options: Options, dropped: CancellationToken) -> Self {
        let Options { mode, listeners, began, keeps_partial_reply, cancel } = options;
        let has_timeouts = team.has_timeouts();
        let emitter = Emitter { listeners, began: began.unwrap_or_else(Instant::now) };
        let caller = Arc::new(Caller::new(team, emitter, dropped));
        let (started, cancel) = (StartedCalls::default(), cancel.as_ref().map(CancelHandle::for_run));
        // What takes too long is stopped in the same way.
        let cancel = cancel.or_else(|| has_timeouts.then(Arc::default));
        let (reported_waits, partial_reply) =
            (ReportedWaits::default(), keeps_partial_reply.then(PartialReply::default));
        Self {
            caller,
            started,
            reported_waits,
            mode,
            early: Early::All,
            keeps_partial_reply,
            partial_reply,
            cancel,
        }
    }

    /// How the calls of a turn are made; [`Mode::Concurrent`] by default.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// See [`Run::keep_partial_reply`](crate::Run::keep_partial_reply); here only of replies that
    /// are cancelled.
    pub fn keep_partial_reply(mut self, keep: bool) -> Self {
        self.keeps_partial_reply = keep;
        self
    }

    /// Which calls may start early at most, whatever an agent says of its own: for hosts around
    /// this one.
    pub fn early(mut self, most: Early) -> Self {
        self.early = most;
        self
    }

    /// Tells `listener` of every event, as it happens.
    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        const ALONE: &str = "before its first call, nobody else has it";
        let caller = Arc::get_mut(&mut self.caller).expect(ALONE);
        Arc::get_mut(&mut caller.emitter).expect(ALONE).listeners.add(listener);
        self
    }

    /// A queue of the events from now on, for a host around this one whose runs are read event by
    /// event ([`HostRun`](crate::host::HostRun)). There is one at a time: the one before gets no
    /// more.
    pub fn events(&self) -> EventQueue {
        self.caller.emitter.listeners.read()
    }

    /// What `cancel` stops, from now on.
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = Some(cancel.handle().for_run());
        self
    }

    /// Asks as [`ask`](Host::ask) does, and leaves off when `cancel` stops what it was given to:
    /// for hosts around this one that hear elsewhere that one of their runs is cancelled. What else
    /// cancels this host does not stop it.
    pub async fn ask_until(
        &self,
        so_far: &Conversation,
        cancel: &Cancel,
    ) -> Result<Result<Response, Failure>, RunError> {
        self.ask_model(so_far, cancel.handle().stop()).await
    }

    /// Counts what a run may use up ([`Limits`](crate::Limits)) from 0 again: for hosts around this
    /// one that carry out several runs, each at its beginning.
    pub fn begin_run(&self) {
        self.caller.calls_made.reset();
        self.caller.requests_made.reset();
    }

    /// Drives a conversation to its end, and says so. A plain function with a named type, since the
    /// loop runs inside itself here.
    pub(crate) fn run<'a>(
        &'a self,
        conversation: &'a mut Conversation,
    ) -> BoxFuture<'a, Result<End, RunError>> {
        self.drive_by(conversation, self).boxed()
    }

    /// Drives a conversation by `outer`, a host around this one that asks and calls through it, and
    /// says how it ended. A delegated one can be cancelled by its id meanwhile. That it waits for a
    /// person is one event: none if it waited before, for the same calls, and there was nothing to
    /// do.
    pub async fn drive_by<H: Host>(
        &self,
        conversation: &mut Conversation,
        outer: &H,
    ) -> Result<End, H::Error> {
        let _entered = self.cancel.as_ref().and_then(|tokens| tokens.enter_delegated(conversation));
        let waits = !conversation.waiting().is_empty()
            && matches!(conversation.turn(outer.rules()), Turn::User(End::Waiting(_)));
        let end = drive(conversation, outer).await?;
        let emitter = &self.caller.emitter;
        if !waits && emitter.has_listeners() && self.reported_waits.is_new(conversation.id(), &end) {
            let origin = Origin::in_conversation(conversation, conversation.agent());
            emitter.emit(origin, || EventKind::Ended(end.clone()));
        }
        Ok(end)
    }

    /// Does the work of a turn as [`act`](Host::act) does, each piece by `outer`, which makes its
    /// calls through this host. An agent that is not in the team is an error before any of it: see
    /// [`Team::check_agent`].
    pub async fn act_by<P>(&self, turn: ToolTurn<'_>, outer: &P) -> Result<(), P::Error>
    where
        P: Perform,
        P::Error: From<RunError>,
    {
        self.caller.team.check_agent(turn.conversation())?;
        let at_most = match self.mode {
            Mode::Concurrent => usize::MAX,
            Mode::Sequential => 1,
        };
        let conversation = turn.conversation().id().to_owned();
        self.reported_waits.forget(&conversation);
        let done = in_parallel(turn, at_most, outer).await;
        self.started.forget(&conversation);
        done
    }
}

impl Host for LocalHost {
    type Error = RunError;
    type Rules = Team;

    fn rules(&self) -> &Team {
        &self.caller.team
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, RunError> {
        self.ask_model(so_far, self.stop(so_far)).await
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), RunError> {
        self.act_by(turn, self).await
    }
}

impl Perform for LocalHost {
    type Error = RunError;

    fn call(&self, call: Call, receipt: Receipt) -> impl Future<Output = Result<(), RunError>> {
        // A future that is moved is moved with all that it may ever hold: the call is behind a
        // pointer from the start.
        match self.admit(&call, &receipt) {
            Ok(true) => Either::Left(self.make(Arc::new(call), receipt).map(Ok)),
            Ok(false) => Either::Right(ready(Ok(()))),
            Err(error) => Either::Right(ready(Err(error))),
        }
    }

    async fn converse(
        &self,
        mut child: DelegationGuard,
    ) -> (DelegationGuard, Result<Result<End, Failure>, RunError>) {
        let end = self.time_for(&child).hold(self.run(&mut child)).await;
        (child, end.map_or_else(RunError::of_delegated, |end| Ok(Ok(end))))
    }

    fn on_outcome(&self, call: impl FnOnce() -> Call, outcome: &Outcome) {
        if self.caller.emitter.has_listeners() {
            let call = call();
            if !is_final(outcome) || self.started.claims_end_event(&call) {
                self.caller.emitter.emit(Origin::of(&call), || EventKind::of_outcome(&call, outcome));
            }
        }
    }
}

impl Drop for LocalHost {
    fn drop(&mut self) {
        self.caller.cancel.cancel();
    }
}
