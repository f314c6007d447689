//! Stopping what is under way, from outside.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio_util::sync::CancellationToken;

use crate::{Call, Conversation};

/// Stops runs that it was given to ([`Run::cancelled_by`](crate::Run)), or single calls of them.
/// Clones stop the same.
///
/// One serves a whole session: give it to each run. [`all`](Self::all) stops the runs that have it
/// by then, and those that get it later are not stopped.
///
/// A call that is stopped has an error result that says so; what has ended keeps its result, and
/// the conversation can be run again. A blocking call runs to its end, and nobody gets its result.
///
/// What a reply cost that is given up only its [`TurnFailed`](crate::EventKind::TurnFailed) says:
/// the record is as if it had never been asked for, so its [usage](crate::Usage) does not have it.
/// One that is kept as far as it was shown is counted.
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
    /// What stops the runs that are given it from now on; each `all` takes it, and leaves a new
    /// one.
    all: Mutex<CancellationToken>,
    runs: Mutex<Vec<Weak<RunTokens>>>,
}

impl Cancel {
    /// For any number of runs, at once or one after the other.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the runs that it was given to so far, with [`RunError::Cancelled`](crate::RunError),
    /// also those that were not polled yet: replies that still stream are given up (but see
    /// [`Run::keep_partial_reply`](crate::Run::keep_partial_reply)), and the calls they made early;
    /// calls under way get an error result, in delegated conversations, too. What has ended keeps
    /// its result. The run waits for no call, not even for a [blocking](crate::ToolSpec::blocking)
    /// one, which can't be stopped: look at [`Context::cancelled`](crate::Context::cancelled) in
    /// it, since a later run may make a call that should take turns with it.
    pub fn all(&self) {
        let runs_so_far = std::mem::take(&mut *lock(&self.0.all));
        runs_so_far.cancel();
    }

    /// Stops the call of this key (the conversation's id and the call's: `run/call_0_1`) and, if it
    /// was delegated, all that goes on in it; in each run that has one. False if no such call is
    /// under way. Calls that [take turns](crate::ToolSpec::exclusive) with a blocking one wait
    /// until it returns ([`EventKind::CallGoesOn`](crate::EventKind)).
    pub fn call(&self, key: &str) -> bool {
        let runs: Vec<Arc<RunTokens>> = lock(&self.0.runs).iter().filter_map(Weak::upgrade).collect();
        let tokens = runs.iter().filter_map(|run| lock(&run.calls).get(key).cloned());
        tokens.inspect(CancellationToken::cancel).count() > 0
    }

    /// For a run, or many, that it was given to now.
    pub(crate) fn handle(&self) -> CancelHandle {
        CancelHandle { by: self.clone(), all: lock(&self.0.all).clone() }
    }
}

/// A [`Cancel`] as it was given to a run, or to many of which some have not begun.
#[derive(Clone, Debug)]
pub(crate) struct CancelHandle {
    by: Cancel,
    all: CancellationToken,
}

impl CancelHandle {
    /// What stops with all that this was given to.
    pub(crate) fn stop(&self) -> Stop {
        Stop(Some(self.all.clone()))
    }

    /// What stops one more run.
    pub(crate) fn for_run(&self) -> Arc<RunTokens> {
        let tokens = Arc::new(RunTokens { all: self.all.clone(), ..RunTokens::default() });
        let mut runs = lock(&self.by.0.runs);
        runs.retain(|run| run.strong_count() > 0);
        runs.push(Arc::downgrade(&tokens));
        tokens
    }
}

/// What a run is stopped by. Conversations of other runs may have the same ids.
#[derive(Debug, Default)]
pub(crate) struct RunTokens {
    all: CancellationToken,
    /// Of the calls under way and the conversations they were delegated to, by key.
    calls: Mutex<HashMap<Arc<str>, CancellationToken>>,
    /// Which of them were stopped since they took too long.
    late: Mutex<HashSet<Arc<str>>>,
}

impl RunTokens {
    /// What a call is stopped by while the result is held: by itself, or by what it is a part of.
    pub(crate) fn enter(self: &Arc<Self>, call: &Call) -> CallGuard {
        let key = [&call.conversation, "/", &call.call.id].concat();
        self.enter_as(&call.conversation, key.into())
    }

    /// The same for the conversation that a call was delegated to; `None` for one that is the
    /// user's.
    pub(crate) fn enter_delegated(self: &Arc<Self>, conversation: &Conversation) -> Option<CallGuard> {
        let (parent, _) = conversation.id().rsplit_once('/').filter(|_| conversation.depth() > 0)?;
        Some(self.enter_as(parent, conversation.shared_id()))
    }

    fn enter_as(self: &Arc<Self>, conversation: &str, key: Arc<str>) -> CallGuard {
        let token = self.token(conversation).child_token();
        lock(&self.calls).insert(key.clone(), token.clone());
        CallGuard { place: Some((self.clone(), key)), stop: Stop(Some(token)) }
    }

    /// Stops a delegated conversation that took too long.
    pub(crate) fn too_late(&self, conversation: &Arc<str>) {
        let token = lock(&self.calls).get(conversation).cloned();
        if let Some(token) = token {
            lock(&self.late).insert(conversation.clone());
            token.cancel();
        }
    }

    /// Whether that is why the conversation of this id was stopped.
    pub(crate) fn is_late(&self, conversation: &str) -> bool {
        lock(&self.late).contains(conversation)
    }

    /// What a conversation is stopped by.
    pub(crate) fn conversation(&self, conversation: &str) -> Stop {
        Stop(Some(self.token(conversation)))
    }

    fn token(&self, conversation: &str) -> CancellationToken {
        lock(&self.calls).get(conversation).unwrap_or(&self.all).clone()
    }
}

/// What something is stopped by from outside; nothing, in a run that was given no [`Cancel`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Option<CancellationToken>);

impl Stop {
    /// What the future gives; `None` if it is stopped first. It is not dropped then.
    pub(crate) async fn or<F: Future>(&self, future: Pin<&mut F>) -> Option<F::Output> {
        match &self.0 {
            None => Some(future.await),
            // Few runs have one, and what waits for it is large.
            Some(token) => Box::pin(token.run_until_cancelled(future)).await,
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.as_ref().is_some_and(CancellationToken::is_cancelled)
    }
}

/// A call that is under way.
#[derive(Debug, Default)]
pub(crate) struct CallGuard {
    /// Where it can be stopped from, and by which key.
    place: Option<(Arc<RunTokens>, Arc<str>)>,
    pub(crate) stop: Stop,
}

impl CallGuard {
    /// A call that these stop, if there are any.
    pub(crate) fn of(call: &Call, tokens: Option<&Arc<RunTokens>>) -> Self {
        tokens.map(|tokens| tokens.enter(call)).unwrap_or_default()
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if let Some((tokens, key)) = &self.place {
            lock(&tokens.calls).remove(key);
            lock(&tokens.late).remove(key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
