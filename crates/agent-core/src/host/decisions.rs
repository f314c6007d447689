//! Decisions of people about calls of a run that goes on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{Change, Conversation, conversation::NotWaiting};

/// Approves and denies calls that wait for a person, while their run goes on.
/// [`Run::decisions`](crate::Run::decisions) makes it. An approved call is made at once, beside the
/// other calls of its reply, so it does not wait for the slowest of them.
///
/// The key of a call that waits is in the event
/// [`CallWaiting`](crate::EventKind::CallWaiting). When the run has ended, decide with
/// [`Conversation::approve`] and [`Conversation::deny`], and run the conversation again.
///
/// ```
/// # use agent_core::{Agent, Context, EventKind, Json, Outcome, RunError, Tool, ToolSpec, async_trait};
/// # use agent_core::script::{Reply, Script};
/// # struct Pay(ToolSpec);
/// # #[async_trait]
/// # impl Tool for Pay {
/// #     fn spec(&self) -> &ToolSpec { &self.0 }
/// #     async fn call(&self, _: Json, context: Context) -> Outcome {
/// #         if context.approved() { Outcome::output("paid") } else { Outcome::Wait { question: "Pay?".into() } }
/// #     }
/// # }
/// # struct Look(ToolSpec);
/// # #[async_trait]
/// # impl Tool for Look {
/// #     fn spec(&self) -> &ToolSpec { &self.0 }
/// #     async fn call(&self, _: Json, _: Context) -> Outcome {
/// #         tokio::time::sleep(std::time::Duration::from_secs(600)).await;
/// #         Outcome::output("looked")
/// #     }
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// # let schema = serde_json::json!({"type": "object"});
/// # let calls = Reply::call("pay", serde_json::json!({})).and_call("look", serde_json::json!({}));
/// # let agent = Agent::builder("clerk", Script::new([calls, Reply::text("Paid.")]))
/// #     .tool(Pay(ToolSpec::new("pay", "Pays.", schema.clone())))
/// #     .tool(Look(ToolSpec::new("look", "Looks, for ten minutes.", schema)))
/// #     .build()?;
/// # let mut conversation = agent.start("Pay, and look.");
/// let mut run = agent.run(&mut conversation);
/// let decisions = run.decisions();
/// while let Some(event) = run.next().await {
///     if let EventKind::CallWaiting { key, .. } = &event.kind {
///         decisions.approve(key)?;
///     }
/// }
/// assert_eq!(run.await?.text(), "Paid.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Decisions(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The calls of the run that wait, by key, and what was decided about them.
    calls: Mutex<HashMap<String, Option<Change>>>,
    changed: Notify,
}

impl Decisions {
    /// Approves a call that waits: it is made now. `key` is the key in
    /// [`CallWaiting`](crate::EventKind::CallWaiting) and in
    /// [`PendingApproval`](crate::conversation::PendingApproval). Fails if no call with this key
    /// waits in the run, for example because the run has ended.
    pub fn approve(&self, key: &str) -> Result<(), NotWaiting> {
        self.decide(key, |call| Change::Approved { call })
    }

    /// Denies a call that waits: it gets an error result, in which the model reads `reason`. `key`
    /// and errors are as in [`approve`](Self::approve).
    pub fn deny(&self, key: &str, reason: &str) -> Result<(), NotWaiting> {
        let reason = reason.to_owned();
        self.decide(key, |call| Change::Denied { call, reason })
    }

    fn decide(&self, key: &str, change: impl FnOnce(String) -> Change) -> Result<(), NotWaiting> {
        let not_waiting = || NotWaiting { key: key.to_owned() };
        let (_, call) = key.rsplit_once('/').ok_or_else(not_waiting)?;
        match self.calls().get_mut(key) {
            Some(undecided @ None) => *undecided = Some(change(call.to_owned())),
            _ => return Err(not_waiting()),
        }
        self.0.changed.notify_waiters();
        Ok(())
    }

    /// This call waits now.
    pub(crate) fn add(&self, key: String) {
        self.calls().insert(key, None);
    }

    /// This call waits no more, and neither do those of the conversation that was delegated from it.
    pub(crate) fn remove(&self, key: &str) {
        let within = |other: &str| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('/'));
        self.calls().retain(|other, _| other != key && !within(other));
    }

    /// Whether any call waits.
    pub(crate) fn any_waits(&self) -> bool {
        !self.calls().is_empty()
    }

    /// Waits until one of these calls is decided. The caller must apply the decisions.
    pub(crate) async fn decided(&self, keys: &[String]) -> Vec<(String, Change)> {
        loop {
            // Begun before the look, so that no decision is missed.
            let changed = self.0.changed.notified();
            let decided = take_decided(&mut self.calls(), |key| keys.iter().any(|waiting| waiting == key));
            if !decided.is_empty() {
                return decided;
            }
            changed.await;
        }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<String, Option<Change>>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the decisions about these calls: the id of the conversation that each changes, and the
/// change. Approvals come first, because a denial may end a plan that has other calls.
fn take_decided(
    calls: &mut HashMap<String, Option<Change>>,
    is_it: impl Fn(&str) -> bool,
) -> Vec<(String, Change)> {
    let mut taken = Vec::new();
    calls.retain(|key, change| match change.take_if(|_| is_it(key)) {
        Some(change) => {
            let (conversation, _) =
                key.rsplit_once('/').expect("a decision was made about the call behind it");
            taken.push((conversation.to_owned(), change));
            false
        }
        None => true,
    });
    taken.sort_by_key(|(_, change)| matches!(change, Change::Denied { .. }));
    taken
}

/// A conversation while it is run with decisions. When this is dropped, decisions that the run did
/// not take up are in the conversation, and the next run takes them up.
pub(crate) struct Decidable<'a> {
    pub(crate) conversation: &'a mut Conversation,
    decisions: &'a Decisions,
}

impl<'a> Decidable<'a> {
    pub(crate) fn new(conversation: &'a mut Conversation, decisions: &'a Decisions) -> Self {
        conversation.waiting().into_iter().for_each(|waiting| decisions.add(waiting.key));
        Self { conversation, decisions }
    }

    /// Applies decisions that no turn has taken up. Returns whether there were any. If not, nobody
    /// decides any more.
    pub(crate) fn apply(&mut self) -> bool {
        let mut calls = self.decisions.calls();
        let decided = take_decided(&mut calls, |_| true);
        if decided.is_empty() {
            calls.clear();
            return false;
        }
        drop(calls);
        for (id, change) in decided {
            // It fails if the call does not wait any more, for example because its plan has ended.
            let _ = self.conversation.apply(&id, change);
        }
        true
    }
}

impl Drop for Decidable<'_> {
    fn drop(&mut self) {
        while self.apply() {}
    }
}
