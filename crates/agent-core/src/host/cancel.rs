//! Stops runs and calls from outside.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio_util::sync::CancellationToken;

use crate::{Call, Conversation};

/// A handle that stops runs, or single calls of runs. Give it to a run with
/// [`Run::cancelled_by`](crate::Run::cancelled_by). Clones stop the same runs.
///
/// One `Cancel` can serve all runs of a conversation: give it to each of them. [`all`](Self::all)
/// stops the runs that already have it. Runs that get it later are not stopped.
///
/// A stopped call gets an error result that says that it was cancelled. Finished calls keep their
/// results, and the conversation can be run again. A blocking call runs to its end, but its result
/// is not used.
///
/// A reply that is stopped is not recorded, so its tokens are not in the conversation's
/// [usage](crate::Usage). Only its [`TurnFailed`](crate::EventKind::TurnFailed) event has them.
/// With [`keep_partial_reply`](crate::Run::keep_partial_reply), the reply is recorded and its
/// tokens count.
///
/// ```
/// # use agent_core::{Agent, Cancel, Conversation, RunError, script::{Reply, Script}};
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let agent = Agent::builder("agent", Script::new([Reply::text("Hi.")])).build()?;
/// # let mut conversation = Conversation::start("agent", "Hi.");
/// let cancel = Cancel::new();
/// let run = agent.run(&mut conversation).cancelled_by(&cancel);
/// cancel.all();
/// assert_eq!(run.await.unwrap_err(), RunError::Cancelled);
///
/// let run = agent.run(&mut conversation).cancelled_by(&cancel);
/// assert_eq!(run.await?.text(), "Hi.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The token of runs that get it from now on. Each `all` takes it and leaves a new one.
    all: Mutex<CancellationToken>,
    runs: Mutex<Vec<Weak<RunTokens>>>,
    /// Runs that had another `Cancel` first, until the next `all`.
    shared_runs: Mutex<Vec<Weak<RunTokens>>>,
}

impl Cancel {
    /// Makes a `Cancel` for any number of runs, in parallel or one after the other.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops all runs that have this `Cancel`, also those that were not polled yet. They end with
    /// [`RunError::Cancelled`](crate::RunError::Cancelled), or with
    /// [`End::Cut`](crate::End::Cut) if a part of a reply is kept.
    ///
    /// Replies that still stream are dropped, together with their early calls, unless
    /// [`Run::keep_partial_reply`](crate::Run::keep_partial_reply) is set. Running calls get an
    /// error result, also in delegated conversations. Finished calls keep their results. The run
    /// waits for no call, not even for a [blocking](crate::ToolSpec::blocking) one, which can't be
    /// stopped. A blocking call should check [`Context::cancelled`](crate::Context::cancelled) and
    /// return, because a later run may make a call that must not run at the same time.
    pub fn all(&self) {
        let runs_so_far = std::mem::take(&mut *lock(&self.0.all));
        runs_so_far.cancel();
        for run in std::mem::take(&mut *lock(&self.0.shared_runs)).iter().filter_map(Weak::upgrade) {
            lock(&run.all).cancel();
        }
    }

    /// Stops the call with this key, in each run that has such a call. The key is the id of the
    /// conversation and the id of the call: `run/call_0_1`. If the call has delegated a task, the
    /// delegated conversation stops, with all its calls. Returns `false` if no call with this key
    /// is running. Calls that [take turns](crate::ToolSpec::exclusive) with a blocking call wait
    /// until it returns ([`EventKind::CallGoesOn`](crate::EventKind::CallGoesOn)).
    pub fn call(&self, key: &str) -> bool {
        let runs: Vec<Arc<RunTokens>> = lock(&self.0.runs).iter().filter_map(Weak::upgrade).collect();
        let tokens = runs.iter().filter_map(|run| lock(&run.calls).get(key).cloned());
        tokens.inspect(CancellationToken::cancel).count() > 0
    }

    /// A handle for a run that gets this `Cancel` now.
    pub(crate) fn handle(&self) -> CancelHandle {
        CancelHandle { by: self.clone(), all: lock(&self.0.all).clone() }
    }
}

/// A [`Cancel`] as it was when a run got it. The run may begin later.
#[derive(Clone, Debug)]
pub(crate) struct CancelHandle {
    by: Cancel,
    all: CancellationToken,
}

impl CancelHandle {
    /// Stops when all runs with this handle are stopped.
    pub(crate) fn stop(&self) -> Stop {
        Stop(Some(self.all.clone()))
    }

    /// The tokens for one more run.
    pub(crate) fn for_run(&self) -> Arc<RunTokens> {
        let all = Mutex::new(self.all.child_token());
        let cancels = Mutex::new(vec![self.by.clone()]);
        let tokens = Arc::new(RunTokens { all, cancels, ..RunTokens::default() });
        add(&self.by.0.runs, &tokens);
        tokens
    }

    /// Stops a run, too, that has another [`Cancel`] already.
    pub(crate) fn share_run(&self, tokens: &Arc<RunTokens>) {
        add(&self.by.0.runs, tokens);
        add(&self.by.0.shared_runs, tokens);
        lock(&tokens.cancels).push(self.by.clone());
    }
}

fn add(runs: &Mutex<Vec<Weak<RunTokens>>>, tokens: &Arc<RunTokens>) {
    let mut runs = lock(runs);
    runs.retain(|run| run.strong_count() > 0);
    runs.push(Arc::downgrade(tokens));
}

/// The tokens that stop a run and its calls. They are per run, because conversations of other runs
/// may have the same ids.
#[derive(Debug, Default)]
pub(crate) struct RunTokens {
    all: Mutex<CancellationToken>,
    /// What can stop the run. The first one has the token `all`.
    cancels: Mutex<Vec<Cancel>>,
    /// The tokens of running calls and of the conversations they were delegated to, by key.
    calls: Mutex<HashMap<Arc<str>, CancellationToken>>,
    /// The keys of those that were stopped because they took too long.
    late: Mutex<HashSet<Arc<str>>>,
    /// The ids of plans that were stopped because they had ended.
    ended: Mutex<HashSet<Arc<str>>>,
}

impl RunTokens {
    /// Registers a call, so that it can be stopped by itself or with its conversation, until the
    /// guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>, call: &Call) -> CallGuard {
        let key = [&call.conversation, "/", &call.call.id].concat();
        self.enter_as(&call.conversation, key.into())
    }

    /// Registers a delegated conversation; `None` for the user's own.
    pub(crate) fn enter_delegated(self: &Arc<Self>, conversation: &Conversation) -> Option<CallGuard> {
        let (parent, _) = conversation.id().rsplit_once('/').filter(|_| conversation.depth() > 0)?;
        Some(self.enter_as(parent, conversation.shared_id().clone()))
    }

    fn enter_as(self: &Arc<Self>, conversation: &str, key: Arc<str>) -> CallGuard {
        let token = self.token(conversation).child_token();
        lock(&self.calls).insert(key.clone(), token.clone());
        CallGuard { place: Some((self.clone(), key)), stop: Stop(Some(token)) }
    }

    /// Stops a delegated conversation because it took too long.
    pub(crate) fn too_late(&self, conversation: &Arc<str>) {
        let token = lock(&self.calls).get(conversation).cloned();
        if let Some(token) = token {
            lock(&self.late).insert(conversation.clone());
            token.cancel();
        }
    }

    /// Stops all calls of a plan that has ended.
    pub(crate) fn end_plan(&self, conversation: &str) {
        if let Some((id, token)) = lock(&self.calls).get_key_value(conversation) {
            lock(&self.ended).insert(id.clone());
            token.cancel();
        }
    }

    /// Stops a delegated conversation.
    pub(crate) fn stop_delegated(&self, conversation: &str) {
        let token = lock(&self.calls).get(conversation).cloned();
        token.iter().for_each(CancellationToken::cancel);
    }

    /// Whether the plan with this id had ended, and its calls were stopped.
    pub(crate) fn has_ended(&self, conversation: &str) -> bool {
        lock(&self.ended).contains(conversation)
    }

    /// Whether the conversation with this id was stopped because it took too long.
    pub(crate) fn is_late(&self, conversation: &str) -> bool {
        lock(&self.late).contains(conversation)
    }

    /// What stops a conversation.
    pub(crate) fn conversation(&self, conversation: &str) -> Stop {
        Stop(Some(self.token(conversation)))
    }

    /// The run was stopped, and its host carries out another one, which is not stopped.
    pub(crate) fn renew(self: &Arc<Self>) {
        let cancels = lock(&self.cancels);
        let mut all = lock(&self.all);
        if let (true, Some((first, others))) = (all.is_cancelled(), cancels.split_first()) {
            *all = lock(&first.0.all).child_token();
            others.iter().for_each(|other| add(&other.0.shared_runs, self));
        }
    }

    fn token(&self, conversation: &str) -> CancellationToken {
        let call = lock(&self.calls).get(conversation).cloned();
        call.unwrap_or_else(|| lock(&self.all).clone())
    }
}

/// What stops something from outside. It is empty in a run without a [`Cancel`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Option<CancellationToken>);

impl Stop {
    /// Awaits the future; `None` if it is stopped first. The future is not dropped then.
    pub(crate) async fn or<F: Future>(&self, future: Pin<&mut F>) -> Option<F::Output> {
        match &self.0 {
            None => Some(future.await),
            // Boxed, because the future is large and few runs have a `Cancel`.
            Some(token) => Box::pin(token.run_until_cancelled(future)).await,
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.as_ref().is_some_and(CancellationToken::is_cancelled)
    }
}

/// A running call.
#[derive(Debug, Default)]
pub(crate) struct CallGuard {
    /// Where it is registered, and its key.
    place: Option<(Arc<RunTokens>, Arc<str>)>,
    pub(crate) stop: Stop,
}

impl CallGuard {
    /// Registers a call with these tokens, if there are any.
    pub(crate) fn of(call: &Call, tokens: Option<&Arc<RunTokens>>) -> Self {
        tokens.map(|tokens| tokens.enter(call)).unwrap_or_default()
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if let Some((tokens, key)) = &self.place {
            lock(&tokens.calls).remove(key);
            lock(&tokens.late).remove(key);
            lock(&tokens.ended).remove(key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
