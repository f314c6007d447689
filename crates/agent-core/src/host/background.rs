//! The detached calls of a conversation that is being driven, and those that may be detached. The
//! run polls them beside the loop, so they go on while a model is asked.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{Delegation, End, Failure, host::delegation_guard::DelegationGuard};

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
    /// The ids of calls whose work has not ended.
    running: HashSet<String>,
    /// What has ended, and no turn has recorded yet.
    ended: Vec<EndedCall>,
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
            |id: &str| state.running.contains(id) || state.ended.iter().any(|ended| ended.call == id);
        if !is_known(&work.call.id) {
            state.running.insert(work.call.id.clone());
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

    /// Waits until one of these calls has ended, and returns those that have.
    pub(crate) async fn any_over(&self, calls: &[String]) -> Vec<String> {
        let mut changes = self.changed.subscribe();
        loop {
            let over = self.over(calls);
            if !over.is_empty() {
                return over;
            }
            changes.changed().await.expect("its sender is in self");
        }
    }

    /// Which of these calls do not run any more.
    pub(crate) fn over(&self, calls: &[String]) -> Vec<String> {
        let state = self.state();
        calls.iter().filter(|call| !state.running.contains(*call)).cloned().collect()
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
        !state.running.is_empty() || !state.ended.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
