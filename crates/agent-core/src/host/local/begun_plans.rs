//! Plans of which steps may have started before the plan was whole.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{LocalHost, running_call::UNCOUNTED};
use crate::{Block, Call, Conversation, EventKind, LlmError, Outcome, Response, event::emitter::Origin};

/// Such plans, by the conversation whose reply makes them, until that turn has ended.
#[derive(Debug, Default)]
pub(super) struct BegunPlans(Mutex<HashMap<Arc<str>, Vec<BegunPlan>>>);

#[derive(Debug)]
struct BegunPlan {
    call: Arc<Call>,
    /// Whether a step has started, and the call has no other events yet.
    has_started: bool,
}

impl BegunPlans {
    pub(super) fn add(&self, call: Arc<Call>) {
        let plan = BegunPlan { call, has_started: false };
        self.lock().entry(plan.call.conversation.clone()).or_default().push(plan);
    }

    pub(super) fn note_start(&self, call: &Arc<Call>) {
        let mut all = self.lock();
        let plans = all.get_mut(&call.conversation).into_iter().flatten();
        plans.filter(|plan| Arc::ptr_eq(&plan.call, call)).for_each(|plan| plan.has_started = true);
    }

    /// Takes out the plans of a conversation that are not kept.
    fn take(&self, conversation: &str, is_kept: impl Fn(&str) -> bool) -> Vec<BegunPlan> {
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

    fn has_any(&self, conversation: &str) -> bool {
        self.lock().contains_key(conversation)
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<BegunPlan>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalHost {
    /// Discards the plans of a conversation, and the steps that have started, because the reply does
    /// not count. Those are kept whose call `is_kept`. Returns the ids of the calls that have events.
    pub(super) fn discard_plans(&self, conversation: &str, is_kept: impl Fn(&str) -> bool) -> Vec<String> {
        let mut told = Vec::new();
        for BegunPlan { call, has_started } in self.begun_plans.take(conversation, is_kept) {
            self.discard_steps(&call, UNCOUNTED);
            if has_started {
                let ended = || EventKind::call_ended(&call.call, true, UNCOUNTED);
                self.caller.emitter.emit(Origin::of(&call), ended);
                told.push(call.call.id.clone());
            }
        }
        told
    }

    /// Discards the plans of a reply that has ended, except those whose calls are made.
    pub(super) fn discard_uncalled_plans(
        &self,
        so_far: &Conversation,
        reply: &Result<Response, LlmError>,
    ) -> Vec<String> {
        if !self.begun_plans.has_any(so_far.id()) {
            return Vec::new();
        }
        let made = reply.as_ref().ok().filter(|reply| reply.stop_reason.runs_calls());
        let recorded = made.map(|reply| so_far.sanitized(reply.content.clone())).unwrap_or_default();
        let calls: HashSet<&str> =
            recorded.iter().filter_map(Block::as_tool_use).map(|call| call.id.as_str()).collect();
        self.discard_plans(so_far.id(), |id| calls.contains(id))
    }

    /// Whether this outcome may be that of a plan's call, and is not a plan.
    pub(super) fn may_refuse_plan(&self, outcome: &Outcome) -> bool {
        !matches!(outcome, Outcome::Plan { .. }) && !self.begun_plans.is_empty()
    }

    /// This call has ended. If it had to make a plan, it has made none.
    pub(super) fn discard_refused_plan(&self, call: &Call) {
        for plan in self.begun_plans.take(&call.conversation, |id| id != call.call.id) {
            self.discard_steps(&plan.call, "stopped: its plan is not carried out");
        }
    }

    /// The turn has ended in which the plans of this conversation were carried out.
    pub(super) fn forget_plans(&self, conversation: &str) {
        self.begun_plans.take(conversation, |_| false);
    }

    /// A part of a plan was carried out. What it did not take over of its early steps is discarded.
    pub(super) fn discard_unused_steps(&self, plan: &str) {
        self.stop_all(plan, "stopped: its plan does not need it");
    }

    fn discard_steps(&self, call: &Call, why: &'static str) {
        let plan = format!("{}/{}", call.conversation, call.call.id);
        self.stop_all(&plan, why);
        self.caller.budgets.close_unused(&call.conversation, &plan);
    }

    fn stop_all(&self, plan: &str, why: &'static str) {
        for step in self.started.clear(plan) {
            let goes_on = step.discard(&self.caller, why);
            debug_assert!(!goes_on, "only calls without effects start early in a plan");
        }
    }
}
