//! Keeps the limits of a run ([`Limits`](agent_core::Limits)) across many conversations and
//! machines.
//!
//! The user's own conversation starts with the whole allowance of the run. When it first delegates,
//! it keeps a part. The rest goes to a [store](crate::store) that all conversations of the run
//! share, on any machine. Each delegation gets some of the allowance of its parent, and returns
//! what it did not use. A conversation with nothing left takes more from the store, enough for a
//! while. So nothing is counted twice, and the run as a whole never exceeds its limits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_core::{Limits, RunError};
use restate_sdk::{
    context::{ContextClient, ObjectContext, RequestTarget},
    errors::TerminalError,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::{
    amount::{Amount, Resource, share_of},
    stopped::Stopped,
    store::{STORE, TakeRequest},
};

/// The header with the allowance of a delegated conversation.
const HANDED: &str = "agent-limits";

/// What a delegated conversation gets.
#[derive(Debug, Serialize, Deserialize)]
struct HandedDown {
    most: Amount,
    #[serde(rename = "hand")]
    available: Amount,
    store: SharedStore,
}

/// What a delegated conversation returns.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Unused {
    #[serde(rename = "hand")]
    available: Amount,
    store_is_used: bool,
}

/// The store of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SharedStore {
    run: String,
    #[serde(rename = "at_first")]
    initial: Amount,
}

/// The allowance of one conversation.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// The limits of the run, from the process that started it.
    most: Amount,
    is_delegated: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    available: Amount,
    store: Option<SharedStore>,
    /// Whether somebody may have taken from the store.
    store_is_used: bool,
    /// How many delegations are in progress, which may take from the store.
    delegations: usize,
    /// What the store had nothing of when it was asked last. Nothing ever returns to the store.
    exhausted: Vec<Resource>,
}

impl Allowance {
    /// The whole allowance of a run with these limits.
    pub(crate) fn of_run(limits: &Limits) -> Self {
        let most = Amount::of(limits);
        let state = State {
            available: most,
            store: None,
            store_is_used: false,
            delegations: 0,
            exhausted: Vec::new(),
        };
        Self { most, is_delegated: false, state: Mutex::new(state) }
    }

    /// The allowance that this handler was given. If an older version delegated the conversation,
    /// it was given none.
    pub(crate) fn of_delegated(ctx: &ObjectContext<'_>, limits: &Limits) -> Result<Self, TerminalError> {
        let Some(handed) = ctx.headers().get(HANDED) else { return Ok(Self::of_run(limits)) };
        let HandedDown { most, available, store } = serde_json::from_str(handed)
            .map_err(|error| TerminalError::new(format!("header {HANDED:?} can't be read: {error}")))?;
        let state = State {
            available,
            store: Some(store),
            store_is_used: false,
            delegations: 0,
            exhausted: Vec::new(),
        };
        Ok(Self { most, is_delegated: true, state: Mutex::new(state) })
    }

    /// The id of the run: of the invocation that drives the conversation of the user.
    pub(crate) fn run(&self, ctx: &ObjectContext<'_>) -> String {
        let store = self.state().store.as_ref().map(|store| store.run.clone());
        store.unwrap_or_else(|| ctx.invocation_id().to_owned())
    }

    /// Counts a request to a model. Fails if the run may make no more.
    pub(crate) async fn request(&self, ctx: &ObjectContext<'_>) -> Result<(), Stopped> {
        self.ensure(ctx, Resource::Requests, 1).await?;
        self.use_one(Resource::Requests).map_err(|most| RunError::RequestLimit { most }.into())
    }

    /// Makes sure that this much is available, if the run may use that much.
    pub(crate) async fn ensure(
        &self,
        ctx: &ObjectContext<'_>,
        resource: Resource,
        wanted: u32,
    ) -> Result<(), TerminalError> {
        let Some((run, take_request)) = self.take_request(resource, wanted) else { return Ok(()) };
        let target = RequestTarget::object(STORE, run, "take");
        let Json(taken) = ctx.request::<_, Json<u32>>(target, Json(take_request)).call().await?;
        let mut state = self.state();
        if taken < take_request.need {
            state.exhausted.push(resource);
        }
        if let Some(left) = state.available.get_mut(resource) {
            *left += taken;
        }
        Ok(())
    }

    /// The request to the store. `None` if nothing is needed or nothing is left there.
    fn take_request(&self, resource: Resource, wanted: u32) -> Option<(String, TakeRequest)> {
        let mut state = self.state();
        let state = &mut *state;
        let need = wanted.saturating_sub(state.available.get(resource)?);
        let store = state.store.as_ref().filter(|_| need > 0 && !state.exhausted.contains(&resource))?;
        // Set it now, because the response may never arrive.
        state.store_is_used = true;
        Some((store.run.clone(), TakeRequest { initial: store.initial, resource, need }))
    }

    /// How much of this is left for this conversation without asking anybody.
    pub(crate) fn left(&self, resource: Resource) -> u32 {
        self.state().available.get(resource).unwrap_or(u32::MAX)
    }

    /// Uses one. The error is the limit of the run, if none is left.
    pub(crate) fn use_one(&self, resource: Resource) -> Result<(), u32> {
        match self.state().available.get_mut(resource) {
            Some(0) => Err(self.most.get(resource).unwrap_or_default()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Returns one that was not used after all.
    pub(crate) fn give_back_one(&self, resource: Resource) {
        if let Some(left) = self.state().available.get_mut(resource) {
            *left += 1;
        }
    }

    /// The header for a conversation that is delegated now. It gets a part of the allowance, such
    /// that `others` more could get the same.
    pub(crate) fn hand_down(&self, ctx: &ObjectContext<'_>, others: usize) -> (String, String) {
        let mut state = self.state();
        let state = &mut *state;
        state.delegations += 1;
        let store = state.store.get_or_insert_with(|| {
            let kept = state.available.split(share_of);
            let initial = std::mem::replace(&mut state.available, kept);
            SharedStore { run: ctx.invocation_id().to_owned(), initial }
        });
        let parts = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
        let handed = HandedDown {
            most: self.most,
            available: state.available.split(|left| left / parts),
            store: store.clone(),
        };
        (HANDED.to_owned(), serde_json::to_string(&handed).expect("numbers and an id can be written"))
    }

    /// What is left when the conversation is over.
    pub(crate) fn unused(&self) -> Unused {
        let mut state = self.state();
        Unused { available: state.available.split(|left| left), store_is_used: state.store_is_used }
    }

    /// Takes back what a delegated conversation has left. `None` if that is not known, for example
    /// because it was killed.
    pub(crate) fn take_back(&self, back: Option<Unused>) {
        let back = back.unwrap_or(Unused { available: Amount::NOTHING, store_is_used: true });
        let mut state = self.state();
        state.available.add(back.available);
        state.store_is_used |= back.store_is_used;
        state.delegations -= 1;
        if state.delegations == 0 && !state.store_is_used && !self.is_delegated {
            // Nobody has used the store, and nobody is left who could. So its content returns to
            // this conversation.
            let rest = state.store.take().map_or(Amount::NOTHING, |store| store.initial);
            state.available.add(rest);
        }
    }

    /// Call this when the conversation stops running. If it is the one of the user, the run is over
    /// and its store is deleted.
    pub(crate) fn end(&self, ctx: &ObjectContext<'_>) {
        let state = self.state();
        if let Some(store) = state.store.as_ref().filter(|_| state.store_is_used && !self.is_delegated) {
            let target = RequestTarget::object(STORE, store.run.as_str(), "forget");
            // The message is sent when it is created; nobody waits for it.
            drop(ctx.request::<(), ()>(target, ()).send());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, HandedDown, SharedStore, TakeRequest, Unused};
    use crate::amount::Resource;

    #[test]
    fn processes_of_earlier_versions_read_the_same_names() {
        let amount = Amount { requests: Some(7), calls: None };
        let store = SharedStore { run: "inv_1".to_owned(), initial: amount };
        let handed = HandedDown { most: amount, available: amount, store };
        let unused = Unused { available: amount, store_is_used: true };
        let request = TakeRequest { initial: amount, resource: Resource::Calls, need: 2 };
        let some = r#"{"requests":7,"calls":null}"#;
        let check = |written: serde_json::Result<String>, expected: &str| {
            assert_eq!(written.unwrap(), expected.replace("SOME", some));
        };
        check(
            serde_json::to_string(&handed),
            r#"{"most":SOME,"hand":SOME,"store":{"run":"inv_1","at_first":SOME}}"#,
        );
        check(serde_json::to_string(&unused), r#"{"hand":SOME,"store_is_used":true}"#);
        check(serde_json::to_string(&request), r#"{"at_first":SOME,"what":"calls","need":2}"#);
    }
}
