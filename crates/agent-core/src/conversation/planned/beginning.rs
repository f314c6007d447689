//! A plan of which the beginning is known, because the model still writes it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Given, PlanResult, Planned};
use crate::{
    Call, Conversation, Delegation, DelegationLimits, Outcome, Rules, ToolCall, ToolSpec, Work,
    conversation::{
        Slot, State,
        plan::{MOST_STEPS, Names, Needs, Plan, Step},
    },
};

/// The beginning of a plan that the model still writes. It says which calls the plan will certainly
/// make, by the same code as the conversation of the whole plan, so those get equal calls. It is
/// not recorded: the conversation of the plan begins when the plan is whole.
pub(crate) struct PlanBeginning {
    conversation: Conversation,
    names: Names,
    /// The places of steps that name a step which is not known yet, by the id of that one.
    lacking: HashMap<String, Vec<usize>>,
    /// How many such names each of these steps has, by its place.
    unknown: HashMap<usize, usize>,
    /// The ids of the steps that could start, whether they did or wait for the whole plan.
    running: HashSet<String>,
    /// The plan can't be carried out, so nothing more starts.
    is_void: bool,
}

/// What can start of a plan.
#[derive(Default)]
pub(crate) struct Starting {
    /// Steps that are made for each item of a list. Their calls are among `calls`.
    pub(crate) items: Vec<Delegation>,
    pub(crate) calls: Vec<Call>,
}

impl Conversation {
    /// The beginning of the plan that this call of the next reply makes. The speaking agent makes
    /// it. `None` if it has no room for a plan.
    pub(crate) fn plan_beginning(&self, call_id: &str, rules: &dyn Rules) -> Option<PlanBeginning> {
        if self.depth >= rules.limits().deepest() {
            return None;
        }
        let limits =
            DelegationLimits { calls_in_reply: rules.limits().calls_in_reply, ..DelegationLimits::default() };
        let mut child = self.given(call_id, Vec::new(), limits);
        child.agent = self.speaker().into();
        let plan = Plan::beginning();
        child.planned = Some(Planned::of(Given::Plan(plan.into())));
        let (names, lacking, unknown, running) = Default::default();
        Some(PlanBeginning { conversation: child, names, lacking, unknown, running, is_void: false })
    }
}

impl PlanBeginning {
    pub(crate) fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// Adds the next step. Returns `false` if no later step may start before the plan is whole: the
    /// plan can't be carried out, or this step runs alone.
    pub(crate) fn add(&mut self, step: Step, rules: &dyn Rules) -> bool {
        if rules.spec(&self.conversation.agent, &step.tool).is_some_and(|spec| spec.exclusive) {
            return false;
        }
        self.is_void |= !self.admits(&step, rules);
        if !self.is_void {
            let place = self.push(step);
            let mut places = self.completed_by(place);
            places.push(place);
            self.is_void = !places.into_iter().all(|place| self.find_needs(place));
        }
        !self.is_void
    }

    fn admits(&mut self, step: &Step, rules: &dyn Rules) -> bool {
        let most = rules.limits().calls_in_reply.map_or(MOST_STEPS, |most| most as usize).min(MOST_STEPS);
        let levels = if step.for_each.is_some() { 1 } else { 0 };
        self.conversation.slots.len() < most
            && self.conversation.depth + levels <= rules.limits().deepest()
            && self.conversation.refused_step(step, rules).is_none()
            && self.names.add(&step.id).is_ok()
    }

    fn push(&mut self, step: Step) -> usize {
        let place = self.conversation.slots.len();
        let call = ToolCall { id: step.id.clone(), name: step.tool.clone(), input: step.input.clone() };
        self.conversation.slots.push(Slot { call: call.into(), state: State::Planned });
        let plan = self.plan_mut();
        plan.steps.push(step);
        Arc::make_mut(&mut plan.needs).push(Needs::nothing_yet(place));
        place
    }

    /// The places of the steps that lacked only the step at this place.
    fn completed_by(&mut self, place: usize) -> Vec<usize> {
        let mut lacked = self.lacking.remove(&*self.conversation.slots[place].call.id).unwrap_or_default();
        lacked.retain(|place| {
            let left = self.unknown.get_mut(place).expect("each of them was counted");
            *left -= 1;
            *left == 0
        });
        lacked
    }

    /// Finds what the step at this place needs, or what it lacks. Returns `false` if that is not
    /// written as it must be.
    fn find_needs(&mut self, place: usize) -> bool {
        let Some(plan) = self.conversation.planned.as_ref().and_then(Planned::plan) else { return false };
        match self.names.needs_so_far(&plan.steps[place]) {
            Ok((needs, unknown)) if unknown.is_empty() => {
                Arc::make_mut(&mut self.plan_mut().needs)[place] = needs;
            }
            Ok((_, unknown)) => {
                self.unknown.insert(place, unknown.len());
                unknown.into_iter().for_each(|step| self.lacking.entry(step).or_default().push(place));
            }
            Err(_) => return false,
        }
        true
    }

    /// What can start now, of those tools whose calls `may_start`. The calls count as running from
    /// now on.
    pub(crate) fn start(&mut self, rules: &dyn Rules, may_start: impl Fn(&ToolSpec) -> bool) -> Starting {
        let (mut starting, agent) = (Starting::default(), self.conversation.agent.clone());
        let starts = |call: &ToolCall| rules.spec(&agent, &call.name).is_some_and(&may_start);
        let mut has_changed = !self.is_void;
        while std::mem::take(&mut has_changed) {
            self.conversation.advance_plan();
            for work in self.conversation.survey_plan(&self.running, rules).work {
                self.running.insert(work.id().to_owned());
                match work {
                    Work::Call(call) if starts(&call.call) => starting.calls.push(call),
                    Work::Delegate(step) if starts(&step.call) && step.conversation.are_new_items() => {
                        starting.calls.extend(step.conversation.survey_plan(&HashSet::new(), rules).calls());
                        // No call is made if no item has an input.
                        has_changed |= self.end_items(&step.call.id, rules);
                        starting.items.push(step);
                    }
                    _ => {}
                }
            }
        }
        starting
    }

    /// Records how a call has ended.
    pub(crate) fn record(&mut self, call: &Call, outcome: Outcome, rules: &dyn Rules) {
        let id = call.call.id.as_str();
        if call.conversation == self.conversation.id {
            return self.record_step(id, outcome, rules);
        }
        let (_, step) = call.conversation.rsplit_once('/').expect("it is of a step");
        if let Some(items) = self.items_of(step) {
            let outcome = items.admit(outcome, rules);
            items.record(call.place, outcome.into());
            items.append_results_if_done();
            self.end_items(step, rules);
        }
    }

    fn record_step(&mut self, id: &str, outcome: Outcome, rules: &dyn Rules) {
        self.running.remove(id);
        let place = self.names.find(id).expect("it is one of the calls that were returned");
        let outcome = self.conversation.admit(outcome, rules);
        self.conversation.record(place, outcome.into());
    }

    /// The calls of a step that is made for each item of a list, while they are not all done.
    fn items_of(&mut self, step: &str) -> Option<&mut Conversation> {
        let place = self.names.find(step)?;
        match &mut self.conversation.slots[place].state {
            State::Delegated(items) => Some(&mut **items),
            _ => None,
        }
    }

    /// Records the result of a step that is made for each item of a list, if all of them are done.
    fn end_items(&mut self, step: &str, rules: &dyn Rules) -> bool {
        let result = self.items_of(step).and_then(|items| items.plan_result()).map(PlanResult::outcome);
        result.map(|outcome| self.record_step(step, outcome, rules)).is_some()
    }

    fn plan_mut(&mut self) -> &mut Plan {
        match self.conversation.planned.as_mut().map(|planned| &mut planned.given) {
            Some(Given::Plan(plan)) => Arc::make_mut(plan),
            _ => unreachable!("it was made as a plan"),
        }
    }
}

impl Plan {
    /// A plan of which no step is known yet.
    fn beginning() -> Self {
        Self { steps: Vec::new(), result: None, enough: None, stop_on_failure: false, needs: Arc::default() }
    }
}

impl Needs {
    /// Of a step of which this is not known. It waits for itself, so it does not begin.
    fn nothing_yet(place: usize) -> Self {
        Self { failure: Some(place), ..Self::default() }
    }
}
