//! The detached calls of a conversation that is being driven, and those that may be detached. The
//! run polls them beside the loop, so they go on while a model is asked.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{Call, Delegation, End, Failure, host::delegation_guard::DelegationGuard};

/// The detached calls of one conversation, and those that may be detached. A turn hands over their
/// work here and gets back what has ended. The run does the work.
#[derive(Debug, Default)]
pub(crate) struct Background {
    state: Mutex<State>,
    /// Changes whenever a call has ended.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Work that was handed over and has not begun.
    new: Vec<Delegation>,
    /// The calls whose work has not ended, by their ids.
    running: HashMap<String, Call>,
    /// The ids of calls that wait for a person.
    waiting: HashSet<String>,
    /// What has ended, and no turn has recorded yet.
    ended: Vec<EndedCall>,
    /// The ids of calls that were stopped and do not run.
    cancelled: Vec<String>,
}

/// The work of a call that has ended, or waits for a person.
#[derive(Debug)]
pub(crate) struct EndedCall {
    pub(crate) call: String,
    pub(crate) child: DelegationGuard,
    pub(crate) end: Result<End, Failure>,
}

impl Background {
    /// Hands over the work of a call, unless it was handed over before.
    pub(crate) fn start(&self, work: Delegation) {
        let mut state = self.state();
        let is_known =
            |id: &str| state.running.contains_key(id) || state.ended.iter().any(|ended| ended.call == id);
        if !is_known(&work.call.id) {
            // It may have waited for a person, and goes on.
            state.waiting.remove(&work.call.id);
            state.running.insert(work.call.id.clone(), work.as_call());
            state.new.push(work);
        }
    }

    pub(crate) fn take_new(&self) -> Vec<Delegation> {
        std::mem::take(&mut self.state().new)
    }

    pub(crate) fn has_new(&self) -> bool {
        !self.state().new.is_empty()
    }

    /// The work of a call has ended.
    pub(crate) fn end(&self, ended: EndedCall) {
        let mut state = self.state();
        state.running.remove(&ended.call);
        if ended.child.done(&ended.end).is_none() {
            state.waiting.insert(ended.call.clone());
        }
        state.ended.push(ended);
        drop(state);
        self.changed.send_replace(());
    }

    /// Takes the first of the ended calls for which `is_it` is true.
    pub(crate) fn take_ended(&self, is_it: impl Fn(&str) -> bool) -> Option<EndedCall> {
        let mut state = self.state();
        let place = state.ended.iter().position(|ended| is_it(&ended.call))?;
        Some(state.ended.remove(place))
    }

    /// Waits until a call has ended for which `is_it` is true, and takes it.
    pub(crate) async fn ended(&self, is_it: impl Fn(&str) -> bool) -> EndedCall {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(ended) = self.take_ended(&is_it) {
                return ended;
            }
            changes.changed().await.expect("its sender is in self");
        }
    }

    /// Stops a call that does not run: one that has not begun, or waits for a person. Returns false
    /// if it runs.
    pub(crate) fn stop(&self, call: &str) -> bool {
        let mut state = self.state();
        let new = state.new.iter().position(|work| work.call.id == call);
        match new {
            Some(new) => {
                state.new.remove(new);
                state.running.remove(call);
            }
            None if state.running.contains_key(call) => return false,
            // Its result is there already.
            None if !state.waiting.remove(call) => return true,
            None => state.ended.retain(|ended| ended.call != call),
        }
        state.cancelled.push(call.to_owned());
        drop(state);
        self.changed.send_replace(());
        true
    }

    pub(crate) fn take_cancelled(&self) -> Option<String> {
        self.state().cancelled.pop()
    }

    /// Waits until one of these calls has ended, or none of them runs, and returns those that have
    /// ended.
    pub(crate) async fn any_over(&self, calls: &[String]) -> Vec<String> {
        let mut changes = self.changed.subscribe();
        loop {
            let (over, all_wait) = {
                let state = self.state();
                let is_over =
                    |call: &&String| !state.running.contains_key(*call) && !state.waiting.contains(*call);
                let over: Vec<String> = calls.iter().filter(is_over).cloned().collect();
                (over, calls.iter().all(|call| state.waiting.contains(call)))
            };
            if !over.is_empty() || all_wait {
                return over;
            }
            changes.changed().await.expect("its sender is in self");
        }
    }

    /// Whether the work of this call runs, or has ended and is not recorded.
    pub(crate) fn has(&self, call: &str) -> bool {
        let state = self.state();
        state.running.contains_key(call) || state.ended.iter().any(|ended| ended.call == call)
    }

    /// Which of these calls wait for a person.
    pub(crate) fn waiting(&self, calls: &[String]) -> Vec<String> {
        let state = self.state();
        calls.iter().filter(|call| state.waiting.contains(*call)).cloned().collect()
    }

    /// Whether a call runs for which `is_it` is true.
    pub(crate) fn any_runs(&self, is_it: impl Fn(&Call) -> bool) -> bool {
        self.state().running.values().any(is_it)
    }

    /// Whether the work of a call has ended and is not recorded.
    pub(crate) fn has_ended(&self) -> bool {
        !self.state().ended.is_empty()
    }

    /// Puts back what has ended and was not recorded.
    pub(crate) fn clear(&self) {
        let ended = std::mem::take(&mut self.state().ended);
        drop(ended);
    }

    /// Whether any work runs, or has ended and is not recorded.
    pub(crate) fn has_work(&self) -> bool {
        let state = self.state();
        !state.running.is_empty() || !state.ended.is_empty() || !state.cancelled.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
