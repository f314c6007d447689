//! Your own host around the in-process one, which changes only parts of it.

use std::future::Future;

use futures::{FutureExt, future::BoxFuture};

use crate::{
    Call, Change, Conversation, DelegationGuard, End, Failure, Host, HostRun, LocalHost, Outcome, Perform,
    Receipt, Response, RunError, Team, ToolTurn,
};

/// A host around [`LocalHost`] that changes how model requests or tool calls are made. Everything
/// else stays as in process. The changes apply to the conversations of all agents, including
/// delegated ones.
///
/// Each type that implements this trait is a [`Host`]. Start a run with [`run`](Self::run).
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use agent_core::{
///     Agent, Conversation, Response, Team,
///     conversation::Failure,
///     host::{Host, HostError, HostWrapper, LocalHost},
///     script::{Reply, Script},
/// };
///
/// /// Allows a number of model requests.
/// struct Prepaid {
///     local: LocalHost,
///     requests_left: AtomicU32,
/// }
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("all paid requests are used up")]
/// struct Spent;
///
/// impl HostWrapper for Prepaid {
///     type Stop = Spent;
///
///     fn local(&self) -> &LocalHost {
///         &self.local
///     }
///
///     async fn ask(
///         &self,
///         so_far: &Conversation,
///     ) -> Result<Result<Response, Failure>, HostError<Spent>> {
///         if self.requests_left.fetch_sub(1, Ordering::Relaxed) == 0 {
///             return Err(HostError::Stopped(Spent));
///         }
///         Ok(self.local.ask(so_far).await?)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let model = Script::new([Reply::text("Hello.")]);
/// let team = Team::new([Agent::builder("greeter", model).build()?])?;
/// let host = Prepaid { local: LocalHost::new(team), requests_left: 1.into() };
/// let mut conversation = Conversation::start("greeter", "Hello?");
/// assert_eq!(host.run(&mut conversation).await?.text(), "Hello.");
/// conversation.say("And again?");
/// assert_eq!(host.run(&mut conversation).await, Err(HostError::Stopped(Spent)));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait HostWrapper: Send + Sync + Sized {
    /// The error with which this host itself stops a run; [`Infallible`](std::convert::Infallible)
    /// if it never does.
    type Stop: Send;

    /// The in-process host inside, which has the team.
    fn local(&self) -> &LocalHost;

    /// Asks the model of the agent that speaks next. The default is `self.local().ask(so_far)`. The
    /// inner error is the model's, after which another agent may go on. The outer error ends the
    /// run.
    fn ask(
        &self,
        so_far: &Conversation,
    ) -> impl Future<Output = Result<Result<Response, Failure>, HostError<Self::Stop>>> + Send {
        async { Ok(self.local().ask(so_far).await?) }
    }

    /// Makes a tool call and puts its result into the receipt. The default is
    /// `self.local().call(call, receipt)`. If the call delegates or transfers, the receipt gets
    /// that outcome, and the requests and calls of the other agent come to `ask` and `call` later.
    fn call(
        &self,
        call: Call,
        receipt: Receipt,
    ) -> impl Future<Output = Result<(), HostError<Self::Stop>>> + Send {
        async { Ok(self.local().call(call, receipt).await?) }
    }

    /// Runs the conversation until it is the user's turn. `.await` the run for its end, or first
    /// read its events with [`HostRun::next`]. The counts for [`Limits`](crate::Limits) start at 0
    /// for each run. Nobody can [decide](crate::Run::decisions) about a call that waits while such a
    /// run goes on: decide when it has ended, with
    /// [`Conversation::approve`](crate::Conversation::approve) or `deny`.
    fn run<'a>(&'a self, conversation: &'a mut Conversation) -> HostRun<'a, HostError<Self::Stop>> {
        let run = async move {
            self.local().check_values().map_err(RunError::from)?;
            self.local().begin_run();
            self.local().drive_by(conversation, self).await
        };
        HostRun::new(run, || self.local().events())
    }
}

/// The error that ended a run on a [`HostWrapper`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HostError<S> {
    /// An error that any run in process can have.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The wrapper stopped the run, with its own error.
    #[error("{0}")]
    Stopped(S),
}

impl<S> From<Failure> for HostError<S> {
    fn from(failure: Failure) -> Self {
        Self::Run(failure.into())
    }
}

impl<W: HostWrapper> Host for W {
    type Error = HostError<W::Stop>;
    type Rules = Team;

    fn rules(&self) -> &Team {
        self.local().rules()
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, Self::Error> {
        HostWrapper::ask(self, so_far).await
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), Self::Error> {
        self.local().act_by(turn, self).await
    }
}

impl<W: HostWrapper> Perform for W {
    type Error = HostError<W::Stop>;

    async fn call(&self, call: Call, receipt: Receipt) -> Result<(), Self::Error> {
        HostWrapper::call(self, call, receipt).await
    }

    fn converse(&self, child: DelegationGuard) -> impl Future<Output = Conversed<W::Stop>> {
        converse(self, child)
    }

    fn stop(&self, conversation: &str) {
        self.local().stop(conversation);
    }

    fn on_items(&self, step: Call) {
        self.local().on_items(step);
    }

    async fn before_change(&self, call: Call, change: &Change) -> Result<(), Self::Error> {
        Ok(self.local().before_change(call, change).await?)
    }

    async fn decided(&self, keys: Vec<String>) -> Result<Vec<(String, Change)>, Self::Error> {
        Ok(self.local().decided(keys).await?)
    }

    fn stop_detached(&self, conversation: &str) {
        self.local().stop_detached(conversation);
    }

    fn on_outcome(&self, call: impl FnOnce() -> Call, outcome: &Outcome) {
        self.local().on_outcome(call, outcome);
    }
}

/// A delegated conversation and how it ended.
type Conversed<S> = (DelegationGuard, Result<Result<End, Failure>, HostError<S>>);

/// It returns a boxed future, because the loop calls itself here.
fn converse<W: HostWrapper>(host: &W, mut child: DelegationGuard) -> BoxFuture<'_, Conversed<W::Stop>> {
    let run = async move {
        let local = host.local();
        let end = match local.time_for(&child).hold(local.drive_by(&mut child, host)).await {
            Ok(end) => Ok(Ok(end)),
            Err(HostError::Run(error)) => error.of_delegated().map_err(HostError::Run),
            Err(stopped) => Err(stopped),
        };
        (child, end)
    };
    run.boxed()
}
