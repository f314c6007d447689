//! The in-process host.

mod ask;
mod call;
mod task;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU32},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Conversation, End, Event, EventKind, Failure, Host, Lent, Response, Rules, RunError, Team, ToolTurn,
    at_once, drive, event::Listeners, lent,
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
/// the blocking pool), delegated conversations included.
#[derive(Debug)]
pub struct Local {
    team: Team,
    mode: Mode,
    /// Bounds the calls under way, of all conversations of the run.
    permits: Option<Arc<Semaphore>>,
    calls_made: AtomicU32,
    listeners: Listeners,
    began: Instant,
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
    /// A host of this team, for one run.
    pub fn new(team: Team) -> Self {
        let permits = team.limits().calls_at_once.map(|limit| Arc::new(Semaphore::new(limit)));
        Self {
            team,
            mode: Mode::default(),
            permits,
            calls_made: AtomicU32::new(0),
            listeners: Listeners::default(),
            began: Instant::now(),
            cancel: CancellationToken::new(),
        }
    }

    pub(crate) fn with(
        mut self,
        mode: Mode,
        listeners: Listeners,
        cancel: CancellationToken,
        began: Option<Instant>,
    ) -> Self {
        (self.mode, self.listeners, self.cancel) = (mode, listeners, cancel);
        self.began = began.unwrap_or(self.began);
        self
    }

    /// Drives a conversation to its end, and says so. A plain function with a named type, since the
    /// loop runs inside itself here.
    pub(crate) fn converse<'a>(
        &'a self,
        conversation: &'a mut Conversation,
    ) -> BoxFuture<'a, Result<End, RunError>> {
        let run = async move {
            let end = drive(conversation, self).await?;
            self.tell(conversation, || EventKind::Ended(end.clone()));
            Ok(end)
        };
        run.boxed()
    }

    /// Drives a delegated conversation. Its failure is the result of the call that led to it.
    async fn delegate(&self, mut child: Lent) -> Result<Result<End, Failure>, RunError> {
        let end = match self.converse(&mut child).await {
            Err(RunError::Model(failure)) => Err(failure),
            other => Ok(other?),
        };
        if let Some(done) = lent::summary(end.clone(), &child) {
            let delegation = child.delegation();
            let conversation = child.id().rsplit_once('/').map_or("", |(parent, _)| parent);
            let place = Place { conversation, depth: child.depth() - 1, agent: &delegation.by };
            self.tell_of(place, || EventKind::call_ended(&delegation.call, &done.outcome));
        }
        Ok(end)
    }

    fn tell(&self, conversation: &Conversation, kind: impl FnOnce() -> EventKind) {
        let (depth, agent) = (conversation.depth(), conversation.speaker());
        self.tell_of(Place { conversation: conversation.id(), depth, agent }, kind);
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

    /// Once nobody waits for the run any more, nothing new begins.
    async fn stop_if_cancelled(&self) {
        if self.cancel.is_cancelled() {
            std::future::pending::<()>().await;
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
        at_once(turn, at_most, |call| self.make(call), |child| self.delegate(child)).await
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
