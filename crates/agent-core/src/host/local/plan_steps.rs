//! Begins steps of plans before the plan is whole, and discards those that nobody takes over.

use std::collections::HashSet;

use super::{
    LocalHost,
    begun_plans::{BegunItems, BegunPlan},
    running_call::UNCOUNTED,
};
use crate::{
    Block, Call, Conversation, Delegation, EventKind, LlmError, Outcome, Response,
    event::emitter::Origin,
    host::cancel::{CallGuard, Stop},
};

impl LocalHost {
    /// Discards the plans of a conversation, and the steps that have started, because the reply does
    /// not count. Those are kept whose call `is_kept`. Returns the ids of the calls that have events.
    pub(super) fn discard_plans(&self, conversation: &str, is_kept: impl Fn(&str) -> bool) -> Vec<String> {
        let mut told = Vec::new();
        for BegunPlan { call, has_started, items, .. } in self.caller.begun_plans.take(conversation, is_kept)
        {
            self.discard_steps(&call, items, UNCOUNTED);
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
        if !self.caller.begun_plans.has_any(so_far.id()) {
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
        !matches!(outcome, Outcome::Plan { .. }) && !self.caller.begun_plans.is_empty()
    }

    /// This call has ended. If it had to make a plan, it has made none.
    pub(super) fn discard_refused_plan(&self, call: &Call) {
        for plan in self.caller.begun_plans.take(&call.conversation, |id| id != call.call.id) {
            self.discard_steps(&plan.call, plan.items, "stopped: its plan is not carried out");
        }
    }

    /// The turn has ended in which the plans of this conversation were carried out.
    pub(super) fn forget_plans(&self, conversation: &str) {
        self.caller.begun_plans.take(conversation, |_| false);
    }

    /// This conversation is not driven any more. If it is that of a plan, or of a step for items,
    /// what it did not take over of its early steps is discarded, also if it had no turn.
    pub(super) fn discard_unused_steps(&self, conversation: &Conversation) {
        if conversation.is_plan() {
            let items = self.caller.begun_plans.take_unused_items(conversation.id());
            self.stop_all(conversation.id(), items, "stopped: its plan does not need it");
        }
    }

    /// The first step of a plan is about to start. The plan's call is counted now, because its steps
    /// are counted, too, and must not use up what it needs itself. Returns what stops the call; `None`
    /// if a limit or a budget does not allow the call, so that no step may start.
    pub(super) fn begin_plan(&self, call: &Call) -> Option<Stop> {
        self.caller.count_call(call).ok()?;
        self.caller.emitter.emit(Origin::of(call), || EventKind::plan_started(&call.call));
        let guard = CallGuard::of(call, self.cancel.get());
        let stop = guard.stop.clone();
        self.caller.begun_plans.note_start(call, guard);
        Some(stop)
    }

    /// A step begins that is made for each item of a list, before its plan is whole.
    pub(super) fn begin_items_early(&self, plan: &Call, step: &Delegation) {
        if let Some(step) = step.begins_items() {
            self.tell_items(&step);
            let _guard = CallGuard::of(&step, self.cancel.get());
            self.caller.begun_plans.note_items(plan, BegunItems { step, _guard });
        }
    }

    pub(super) fn tell_items(&self, step: &Call) {
        let emitter = &self.caller.emitter;
        emitter.emit(Origin::of(step), || EventKind::call_started(&step.call));
        emitter.emit(Origin::of(step), || EventKind::delegated(step, &step.agent));
    }

    fn discard_steps(&self, call: &Call, items: Vec<BegunItems>, why: &'static str) {
        let plan = format!("{}/{}", call.conversation, call.call.id);
        self.stop_all(&plan, items, why);
        self.caller.budgets.close_unused(&call.conversation, &plan);
    }

    /// Stops the early steps of a plan that nobody has taken over, and these for items of a list.
    fn stop_all(&self, plan: &str, items: Vec<BegunItems>, why: &'static str) {
        for BegunItems { step, .. } in items {
            self.discard_steps(&step, Vec::new(), why);
            let ended = || EventKind::call_ended(&step.call, true, why);
            self.caller.emitter.emit(Origin::of(&step), ended);
        }
        for step in self.started.clear(plan) {
            let goes_on = step.discard(&self.caller, why);
            debug_assert!(!goes_on, "only calls without effects start early in a plan");
        }
    }
}
