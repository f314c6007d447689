//! The conversation of a plan: one reply that was given, whose calls begin when what they need is
//! there. It has no model's turn, and ends when all calls have results.

use std::sync::Arc;

use crate::{
    Block, Conversation, DelegationLimits, Json, Limits, Message, Role, Rules, StopReason, ToolCall,
    conversation::{
        CallIds, Slots, State,
        plan::{LONGEST, MOST_STEPS, Plan, Step, Values},
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
        let task = format!("Carry out a plan of {} steps.", plan.steps.len());
        let mut child = self.child(call_id, self.agent.to_string(), task.into(), limits);
        let call = |step: &Step| Block::tool_use(&step.id, &step.tool, step.input.clone());
        let reply = Message::new(Role::Assistant, plan.steps.iter().map(call).collect::<Vec<_>>());
        child.slots = Slots::of(reply.tool_calls().cloned());
        child.slots.iter_mut().for_each(|slot| slot.state = State::Planned);
        child.messages.push(reply);
        child.call_ids = CallIds::of(&child.messages);
        child.stop = Some(StopReason::ToolUse);
        child.plan = Some(plan);
        child.append_results_if_done();
        child
    }

    /// Whether it is the conversation of a plan.
    pub(in crate::conversation) fn is_plan(&self) -> bool {
        self.plan.is_some()
    }

    /// Gives each step that can begin its input, and each step that will not be made its result.
    pub(in crate::conversation) fn advance_plan(&mut self) {
        let Some(plan) = self.plan.clone() else { return };
        if self.has_enough() {
            self.end_steps_not_begun();
            return;
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

    /// Makes the calls of a step for each item of a list, as a plan of their own.
    fn begin_items(&mut self, plan: &Plan, place: usize, list: &Json) -> Result<(), String> {
        let step = &plan.steps[place];
        if self.depth >= Limits::DEEPEST {
            return Err(format!(
                "\"for_each\" of step {:?} is too deep in other plans and delegations",
                step.id
            ));
        }
        let list = self.filled(plan, list, None)?;
        let items: Vec<Json> =
            list.parse().map_err(|_| format!("\"for_each\" of step {:?} is not a list: {list}", step.id))?;
        if items.len() > MOST_STEPS {
            let most = MOST_STEPS;
            return Err(format!(
                "\"for_each\" of step {:?} has {} items, of at most {most}",
                step.id,
                items.len()
            ));
        }
        if items.is_empty() {
            self.slots[place].finish("[]".to_owned(), false);
            return Ok(());
        }
        let call = |(number, item): (usize, Json)| {
            let input = self.filled(plan, &step.input, Some(&item))?;
            let (id, tool) = (number.to_string(), step.tool.clone());
            Ok(Step::new(id, tool, input))
        };
        let steps = items.into_iter().enumerate().map(call).collect::<Result<Vec<_>, String>>()?;
        let bytes: usize = steps.iter().map(|step| step.input.text().len()).sum();
        if bytes > LONGEST {
            return Err(format!("the inputs of all items would be longer than {LONGEST} bytes"));
        }
        let id = self.slots[place].call.id.clone();
        let child = self.plan_child(&id, Plan::of_items(steps).into(), DelegationLimits::default());
        self.slots[place].state = State::Delegated(Box::new(child));
        Ok(())
    }

    fn filled(&self, plan: &Plan, template: &Json, item: Option<&Json>) -> Result<Json, String> {
        Values { result: &|ids| self.value_of(plan, ids), item, shows_errors: false }.fill(template)
    }

    /// Why this plan can't be carried out by this conversation's agent; `None` if it can.
    pub(in crate::conversation) fn refused_plan(&self, plan: &Plan, rules: &dyn Rules) -> Option<String> {
        let most = rules.limits().deepest();
        if self.depth >= most {
            return Some(format!("the plan is not carried out: the depth limit of {most} is reached"));
        }
        let why = plan.steps.iter().find_map(|Step { id, tool, .. }| match rules.spec(&self.agent, tool) {
            None => Some(format!("step {id:?} calls {tool:?}, but you have no such tool")),
            Some(spec) if spec.transfers => {
                Some(format!("step {id:?} calls {tool:?}, but a step can't hand the conversation over"))
            }
            Some(_) => None,
        });
        why.map(|why| format!("the plan is not carried out: {why}"))
    }
}
