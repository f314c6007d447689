//! How a plan begins, and goes on when a step has its result.

use std::sync::Arc;

use super::{Given, Planned};
use crate::{
    Block, Conversation, DelegationLimits, Json, Limits, Message, Role, Rules, StopReason, ToolCall,
    conversation::{
        CallIds, Slots, State,
        plan::{LONGEST, MOST_STEPS, Plan, Step, Values, beginning},
    },
};

impl Conversation {
    /// Makes the conversation of a plan, for a call of this one.
    pub(in crate::conversation) fn plan_child(
        &self,
        call_id: &str,
        plan: Arc<Plan>,
        limits: DelegationLimits,
    ) -> Self {
        let call = |step: &Step| Block::tool_use(&step.id, &step.tool, step.input.clone());
        let mut child = self.given(call_id, plan.steps.iter().map(call).collect(), limits);
        child.slots.iter_mut().for_each(|slot| slot.state = State::Planned);
        child.planned = Some(Planned::of(Given::Plan(plan)));
        child.append_results_if_done();
        child
    }

    /// A conversation of the same agent, whose only reply has these calls.
    pub(in crate::conversation) fn given(
        &self,
        call_id: &str,
        calls: Vec<Block>,
        limits: DelegationLimits,
    ) -> Self {
        let task = match calls.len() {
            1 => "Carry out a plan of one call.".to_owned(),
            steps => format!("Carry out a plan of {steps} steps."),
        };
        let mut child = self.child(call_id, self.agent.to_string(), task.into(), limits);
        let reply = Message::new(Role::Assistant, calls);
        child.slots = Slots::of(reply.tool_calls().cloned());
        child.messages.push(reply);
        child.call_ids = CallIds::of(&child.messages);
        child.stop = Some(StopReason::ToolUse);
        child
    }

    /// Whether it is the conversation of a plan.
    pub(crate) fn is_plan(&self) -> bool {
        self.planned.is_some()
    }

    /// Whether its calls are for the items of a list, and none of them has begun.
    pub(in crate::conversation) fn are_new_items(&self) -> bool {
        let is_untouched = |state: &State| matches!(state, State::Open | State::Done { is_error: true, .. });
        self.planned.as_ref().is_some_and(|planned| planned.given == Given::Items)
            && self.slots.iter().all(|slot| is_untouched(&slot.state))
    }

    /// Gives each step that can begin its input, and each step that will not be made its result.
    pub(in crate::conversation) fn advance_plan(&mut self) {
        let Some(plan) = self.planned.as_ref().and_then(Planned::plan).cloned() else { return };
        if self.has_enough() {
            return self.end_steps_not_begun();
        }
        loop {
            let mut has_changed = false;
            for place in self.slots.open() {
                if !matches!(self.slots[place].state, State::Planned) {
                    continue;
                }
                if self.readiness(&plan, place).settle(&mut self.slots[place]) {
                    self.begin_step(&plan, place);
                }
                // Only a step that got its result lets others go on.
                has_changed |= self.slots[place].is_done();
            }
            match has_changed {
                true if self.has_enough() => return self.end_steps_not_begun(),
                true => {}
                false => return,
            }
        }
    }

    fn begin_step(&mut self, plan: &Plan, place: usize) {
        let step = &plan.steps[place];
        let begun = match &step.for_each {
            None => self.filled(plan, &step.input, None).map(|input| {
                let ToolCall { id, name, .. } = &*self.slots[place].call;
                self.slots[place].call = ToolCall { id: id.clone(), name: name.clone(), input }.into();
                self.slots[place].state = State::Open;
            }),
            Some(list) => self.begin_items(plan, place, list),
        };
        if let Err(why) = begun {
            self.slots[place].fail(format!("not run: {why}"));
        }
    }

    /// Makes the calls of a step for each item of a list, in a conversation of their own.
    fn begin_items(&mut self, plan: &Plan, place: usize, list: &Json) -> Result<(), String> {
        let step = &plan.steps[place];
        if self.depth >= Limits::DEEPEST {
            return Err("\"for_each\" is too deep in other plans and delegations".to_owned());
        }
        let list = self.values(plan, None).fill(list)?;
        let items: Vec<Json> =
            list.parse().map_err(|_| format!("\"for_each\" is not a list: {}", beginning(&list)))?;
        let most = self.delegation_limits.calls_in_reply.map_or(MOST_STEPS, |most| most as usize);
        if items.len() > most {
            return Err(format!(
                "\"for_each\" has {} items, but at most {most} calls may be made",
                items.len()
            ));
        }
        if items.is_empty() {
            self.slots[place].finish("[]".to_owned(), false);
            return Ok(());
        }
        let inputs: Vec<_> = items.iter().map(|item| self.filled(plan, &step.input, Some(item))).collect();
        let bytes: usize = inputs.iter().flatten().map(|input| input.text().len()).sum();
        if bytes > LONGEST {
            return Err(format!("the inputs of all items would be longer than {LONGEST} bytes"));
        }
        let child = self.items_child(&self.slots[place].call, inputs);
        self.slots[place].state = State::Delegated(Box::new(child));
        Ok(())
    }

    /// Makes the conversation of a step that is made once for each of these inputs.
    fn items_child(&self, step: &ToolCall, inputs: Vec<Result<Json, String>>) -> Self {
        let nothing = Json::checked("{}");
        let call = |(number, input): (usize, &Result<Json, String>)| {
            Block::tool_use(number.to_string(), &step.name, input.as_ref().unwrap_or(&nothing).clone())
        };
        let calls = inputs.iter().enumerate().map(call).collect();
        let mut child = self.given(&step.id, calls, self.delegation_limits.for_items());
        child.planned = Some(Planned::of(Given::Items));
        for (item, input) in inputs.into_iter().enumerate() {
            if let Err(why) = input {
                child.slots[item].fail(format!("not run: {why}"));
            }
        }
        child.append_results_if_done();
        child
    }

    /// The input of a step, with results in it. Tools get objects.
    fn filled(&self, plan: &Plan, template: &Json, item: Option<&Json>) -> Result<Json, String> {
        let input = self.values(plan, item).fill(template)?;
        match input.text().starts_with('{') {
            true => Ok(input),
            false => Err(format!("its input would not be an object: {}", beginning(&input))),
        }
    }

    fn values<'a>(&'a self, plan: &'a Plan, item: Option<&'a Json>) -> Values<'a> {
        Values { result: Box::new(|ids| self.value_of(plan, ids)), item, shows_errors: false }
    }

    /// Why this plan can't be carried out by this conversation's agent; `None` if it can.
    pub(in crate::conversation) fn refused_plan(&self, plan: &Plan, rules: &dyn Rules) -> Option<String> {
        let limits = rules.limits();
        let levels = if plan.steps.iter().any(|step| step.for_each.is_some()) { 2 } else { 1 };
        let why = match limits.calls_in_reply {
            _ if self.depth + levels > limits.deepest() => {
                Some(format!("the depth limit of {} is reached", limits.deepest()))
            }
            Some(most) if plan.steps.len() > most as usize => {
                Some(format!("it has {} steps, but at most {most} calls may be made", plan.steps.len()))
            }
            _ => plan.steps.iter().find_map(|step| self.refused_step(step, rules)),
        };
        why.map(|why| format!("the plan is not carried out: {why}"))
    }

    /// Why no plan with this step can be carried out by this conversation's agent.
    pub(super) fn refused_step(&self, Step { id, tool, .. }: &Step, rules: &dyn Rules) -> Option<String> {
        match rules.spec(&self.agent, tool) {
            None => Some(format!("step {id:?} calls {tool:?}, but you have no such tool")),
            Some(spec) if spec.transfers => {
                Some(format!("step {id:?} calls {tool:?}, but a step can't hand the conversation over"))
            }
            Some(_) => None,
        }
    }
}
