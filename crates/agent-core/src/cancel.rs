//! Stopping what is under way, from outside.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio_util::sync::CancellationToken;

use crate::Call;

/// Stops runs that it was given to ([`Run::cancelled_by`](crate::Run)), or single calls of them. Clones stop
/// the same.
///
/// A call that is stopped has an error result that says so; what has ended keeps its result, and the
/// conversation can be run again. A blocking call runs to its end, and nobody gets its result.
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
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    all: CancellationToken,
    runs: Mutex<Vec<Weak<Tokens>>>,
}

impl Cancel {
    /// For any number of runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the runs, with [`RunError::Cancelled`](crate::RunError): replies that still stream are given up, and the
    /// calls they made early; calls under way get an error result, in delegated conversations, too. What has ended keeps
    /// its result. For a blocking call that others [take turns](crate::ToolSpec::exclusive) with, a run waits until it
    /// returns; look at [`Context::cancelled`](crate::Context::cancelled) in it.
    pub fn all(&self) {
        self.0.all.cancel();
    }

    /// Stops the call of this key (the conversation's id and the call's: `run/call_0_1`) and, if it was
    /// delegated, all that goes on in it; in each run that has one. False if no such call is under way.
    pub fn call(&self, key: &str) -> bool {
        let runs: Vec<Arc<Tokens>> = lock(&self.0.runs).iter().filter_map(Weak::upgrade).collect();
        let tokens = runs.iter().filter_map(|run| run.call(key));
        tokens.inspect(CancellationToken::cancel).count() > 0
    }

    /// What stops one more run.
    pub(crate) fn of_run(&self) -> Arc<Tokens> {
        let tokens = Arc::new(Tokens { all: self.0.all.clone(), calls: Some(Mutex::default()) });
        let mut runs = lock(&self.0.runs);
        runs.retain(|run| run.strong_count() > 0);
        runs.push(Arc::downgrade(&tokens));
        tokens
    }
}

/// What a run is stopped by. Conversations of other runs may have the same ids.
#[derive(Debug)]
pub(crate) struct Tokens {
    all: CancellationToken,
    /// Of the calls under way and the conversations they were delegated to, by key; `None` if nobody asks for them.
    calls: Option<Mutex<HashMap<Arc<str>, CancellationToken>>>,
}

impl Tokens {
    /// Of a run that nobody stops from outside.
    pub(crate) fn of_nobody() -> Arc<Self> {
        Arc::new(Self { all: CancellationToken::new(), calls: None })
    }

    /// What a call is stopped by while the result is held: by itself, or by what it is a part of.
    pub(crate) fn enter(self: &Arc<Self>, call: &Call) -> Entered {
        let key = || [&call.conversation, "/", &call.call.id].concat().into();
        self.enter_as(&call.conversation, key)
    }

    /// The same for the conversation that a call was delegated to.
    pub(crate) fn enter_conversation(self: &Arc<Self>, conversation: &str, key: Arc<str>) -> Entered {
        self.enter_as(conversation, || key)
    }

    fn enter_as(self: &Arc<Self>, conversation: &str, key: impl FnOnce() -> Arc<str>) -> Entered {
        let Some(calls) = &self.calls else {
            return Entered { place: None, token: self.all.child_token() };
        };
        let (key, token) = (key(), self.token(conversation).child_token());
        lock(calls).insert(key.clone(), token.clone());
        Entered { place: Some((self.clone(), key)), token }
    }

    /// What a conversation is stopped by.
    pub(crate) fn token(&self, conversation: &str) -> CancellationToken {
        let own = self.calls.as_ref().and_then(|calls| lock(calls).get(conversation).cloned());
        own.unwrap_or_else(|| self.all.clone())
    }

    fn leave(&self, key: &str) {
        self.calls.iter().for_each(|calls| drop(lock(calls).remove(key)));
    }

    fn call(&self, key: &str) -> Option<CancellationToken> {
        lock(self.calls.as_ref()?).get(key).cloned()
    }
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Where it can be stopped from, and by which key.
    place: Option<(Arc<Tokens>, Arc<str>)>,
    pub(crate) token: CancellationToken,
}

impl Entered {
    /// A call that somebody else stops.
    pub(crate) fn for_good() -> Self {
        Self { place: None, token: CancellationToken::new() }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some((tokens, key)) = &self.place {
            tokens.leave(key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
