//! The in-process host.

mod ask;
mod call;
mod task;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU32},
};

use futures::{FutureExt, future::BoxFuture};
pub(crate) use task::panic_message;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Call, Conversation, End, Event, EventKind, Failure, Host, Lent, Outcome, Perform, Receipt, Response,
    Rules, RunError, Team, ToolTurn, at_once, drive, event::Listeners,
};

/// How the calls of a turn are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All at once.
    #[default]
    Concurrent,
    /// One after the other, as most programs do; to compare.
    Sequential,
}

/// The in-process host: asks each agent's model, and makes each tool call on a task of its own (or
/// the blocking pool). Delegated conversations are driven beside each other, in the task of the run.
#[derive(Debug)]
pub struct Local {
    team: Team,
    mode: Mode,
    /// Bounds the calls under way, of all conversations of the run.
    permits: Option<Arc<Semaphore>>,
    calls_made: AtomicU32,
    listeners: Listeners,
    began: Instant,
    /// Cancelled when the host is dropped, and by whoever else has it.
    cancel: CancellationToken,
}

/// Where something happens.
#[derive(Clone, Copy)]
struct Place<'a> {
    conversation: &'a str,
    depth: u32,
    agent: &'a str,
}

impl Local {
    /// A host of this team, for one run: limits of a run count per host.
    pub fn new(team: Team) -> Self {
        let limit = team.limits().calls_at_once.map(|limit| limit.clamp(1, Semaphore::MAX_PERMITS));
        Self {
            team,
            mode: Mode::default(),
            permits: limit.map(|limit| Arc::new(Semaphore::new(limit))),
            calls_made: AtomicU32::new(0),
            listeners: Listeners::default(),
            began: Instant::now(),
            cancel: CancellationToken::new(),
        }
    }

    /// How the calls of a turn are made; [`Mode::Concurrent`] by default.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn with(
        mut self,
        listeners: Listeners,
        cancel: CancellationToken,
        began: Option<Instant>,
    ) -> Self {
        (self.listeners, self.cancel) = (listeners, cancel);
        self.began = began.unwrap_or(self.began);
        self
    }

    /// Drives a conversation to its end, and says so. A plain function with a named type, since the
    /// loop runs inside itself here.
    pub(crate) fn run<'a>(
        &'a self,
        conversation: &'a mut Conversation,
    ) -> BoxFuture<'a, Result<End, RunError>> {
        let run = async move {
            let end = drive(conversation, self).await?;
            let (id, depth, agent) = (conversation.id(), conversation.depth(), conversation.agent());
            let place = Place { conversation: id, depth, agent };
            self.tell_of(place, || EventKind::Ended(end.clone()));
            Ok(end)
        };
        run.boxed()
    }

    fn tell_of(&self, place: Place<'_>, kind: impl FnOnce() -> EventKind) {
        if !self.listeners.is_empty() {
            let Place { conversation, depth, agent } = place;
            let (conversation, agent) = (conversation.into(), agent.into());
            self.listeners.tell(&Event {
                at: self.began.elapsed(),
                conversation,
                depth,
                agent,
                kind: kind(),
            });
        }
    }
}

impl Host for Local {
    type Error = RunError;
    type Rules = Team;

    fn rules(&self) -> &Team {
        &self.team
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, RunError> {
        self.ask_model(so_far).await
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), RunError> {
        let at_most = match self.mode {
            Mode::Concurrent => usize::MAX,
            Mode::Sequential => 1,
        };
        at_once(turn, at_most, self).await
    }
}

impl Perform for Local {
    type Error = RunError;

    async fn call(&self, call: Call, receipt: Receipt) -> Result<(), RunError> {
        self.make(call, receipt).await;
        Ok(())
    }

    async fn converse(&self, mut child: Lent) -> (Lent, Result<Result<End, Failure>, RunError>) {
        let end = match self.run(&mut child).await {
            Err(RunError::Model(failure)) => Ok(Err(failure)),
            other => other.map(Ok),
        };
        (child, end)
    }

    fn tell(&self, call: &Call, outcome: &Outcome) {
        self.tell_of(Place::of(call), || EventKind::of_outcome(call, outcome));
    }
}

impl<'a> Place<'a> {
    fn of(call: &'a Call) -> Self {
        Self { conversation: &call.conversation, depth: call.depth, agent: &call.agent }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Concurrent => "concurrent",
            Self::Sequential => "sequential",
        })
    }
}
