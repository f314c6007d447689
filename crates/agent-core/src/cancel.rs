//! Stopping what is under way, from outside.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

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
    /// Of the calls under way and the conversations they were delegated to, by key.
    calls: Mutex<HashMap<String, CancellationToken>>,
}

impl Cancel {
    /// For any number of runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the runs: their calls now, their models at once, with
    /// [`RunError::Cancelled`](crate::RunError).
    pub fn all(&self) {
        self.0.all.cancel();
    }

    /// Stops the call of this key (the conversation's id and the call's: `run/call_0_1`) and, if it was
    /// delegated, all that goes on in it. False if no such call is under way.
    pub fn call(&self, key: &str) -> bool {
        let token = self.calls().get(key).cloned();
        token.inspect(CancellationToken::cancel).is_some()
    }

    /// What a call is stopped by while the result is held: by itself, or by what it is a part of.
    pub(crate) fn enter(&self, conversation: &str, key: String) -> Entered {
        let token = self.token(conversation).child_token();
        self.calls().insert(key.clone(), token.clone());
        Entered { cancel: self.clone(), key, token }
    }

    /// What a conversation is stopped by.
    pub(crate) fn token(&self, conversation: &str) -> CancellationToken {
        self.calls().get(conversation).unwrap_or(&self.0.all).clone()
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way.
pub(crate) struct Entered {
    cancel: Cancel,
    key: String,
    pub(crate) token: CancellationToken,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.cancel.calls().remove(&self.key);
    }
}
