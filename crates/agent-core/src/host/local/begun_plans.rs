//! Plans of which steps may have started before the plan was whole.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Call, host::cancel::CallGuard};

/// Such plans, by the conversation whose reply makes them, until that turn has ended.
#[derive(Debug, Default)]
pub(super) struct BegunPlans(Mutex<HashMap<Arc<str>, Vec<BegunPlan>>>);

#[derive(Debug)]
pub(super) struct BegunPlan {
    pub(super) call: Arc<Call>,
    /// Whether a step has started, and the call has no other events yet.
    pub(super) has_started: bool,
    /// Whether the call was counted, because a step has started, and was not made yet.
    is_counted: bool,
    /// Since a step has started and until the call is made: what stops the call by its key, and its
    /// steps with it.
    guard: Option<CallGuard>,
    /// The steps that have begun, are made for each item of a list, and were not taken over.
    pub(super) items: Vec<BegunItems>,
}

#[derive(Debug)]
pub(super) struct BegunItems {
    pub(super) step: Call,
    /// Lets the step be stopped by its key, with its calls.
    pub(super) _guard: CallGuard,
}

impl BegunPlans {
    pub(super) fn add(&self, call: Arc<Call>) {
        let items = Vec::new();
        let plan = BegunPlan { call, has_started: false, is_counted: false, guard: None, items };
        self.lock().entry(plan.call.conversation.clone()).or_default().push(plan);
    }

    pub(super) fn note_start(&self, call: &Call, guard: CallGuard) {
        self.change(call, |plan| {
            (plan.has_started, plan.is_counted, plan.guard) = (true, true, Some(guard));
        });
    }

    /// Whether this call was counted when the first step of its plan started. It is made now.
    pub(super) fn take_count(&self, call: &Call) -> bool {
        self.change(call, |plan| std::mem::take(&mut plan.is_counted)).unwrap_or_default()
    }

    /// What stops this call, if a step of its plan has started. It is made now.
    pub(super) fn take_guard(&self, call: &Call) -> Option<CallGuard> {
        self.change(call, |plan| plan.guard.take()).flatten()
    }

    pub(super) fn note_items(&self, call: &Call, items: BegunItems) {
        self.change(call, |plan| plan.items.push(items));
    }

    /// Whether this step, which is made for each item of a list, began before its plan was whole. It
    /// is taken over now.
    pub(super) fn take_items(&self, step: &Call) -> bool {
        let taken = self.change_of_id(&step.conversation, |plan| {
            let place = plan.items.iter().position(|begun| begun.step.call.id == step.call.id);
            place.map(|place| plan.items.swap_remove(place))
        });
        taken.flatten().is_some()
    }

    /// Takes out the steps for items of a plan that were not taken over. `plan` is the id of its
    /// conversation.
    pub(super) fn take_unused_items(&self, plan: &str) -> Vec<BegunItems> {
        self.change_of_id(plan, |plan| std::mem::take(&mut plan.items)).unwrap_or_default()
    }

    fn change_of_id<T>(&self, id: &str, change: impl FnOnce(&mut BegunPlan) -> T) -> Option<T> {
        let (conversation, call) = id.rsplit_once('/')?;
        self.change_of(conversation, call, change)
    }

    fn change<T>(&self, call: &Call, change: impl FnOnce(&mut BegunPlan) -> T) -> Option<T> {
        self.change_of(&call.conversation, &call.call.id, change)
    }

    fn change_of<T>(
        &self,
        conversation: &str,
        call: &str,
        change: impl FnOnce(&mut BegunPlan) -> T,
    ) -> Option<T> {
        let mut all = self.lock();
        all.get_mut(conversation)?.iter_mut().find(|plan| plan.call.call.id == call).map(change)
    }

    /// Takes out the plans of a conversation that are not kept.
    pub(super) fn take(&self, conversation: &str, is_kept: impl Fn(&str) -> bool) -> Vec<BegunPlan> {
        let mut all = self.lock();
        // Usually there are none, and each turn asks.
        let Some(plans) = all.get_mut(conversation) else { return Vec::new() };
        let (kept, taken) = std::mem::take(plans).into_iter().partition(|plan| is_kept(&plan.call.call.id));
        *plans = kept;
        // The reply is whole and has these calls, so they get events like other calls.
        plans.iter_mut().for_each(|plan| plan.has_started = false);
        if plans.is_empty() {
            all.remove(conversation);
        }
        taken
    }

    pub(super) fn has_any(&self, conversation: &str) -> bool {
        self.lock().contains_key(conversation)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<BegunPlan>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
