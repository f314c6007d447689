//! The outcome of a call: what may be recorded, and what it changes.

use super::{Conversation, State, outcome::DENIED, results_limit::limited};
use crate::{Done, Outcome, Rules};

/// How the error results of calls begin that were not made.
const NOT_RUN: &str = "not run: ";

impl Conversation {
    /// Checks the outcome of a call against the rules and their limits, and returns the outcome
    /// that may be recorded. A forbidden transfer or delegation becomes an error result for the
    /// model. A long result is cut to the call's share of [`Rules::max_results_bytes`]. Of an
    /// answer, only what models read is cut.
    pub fn admit(&self, outcome: Outcome, rules: &dyn Rules) -> Outcome {
        let limits = rules.limits();
        let unknown = |agent: &str| {
            let agents = rules.agents();
            let known = agents.contains(&agent);
            (!known).then(|| format!("there is no agent named {agent:?}; agents: {}", agents.join(", ")))
        };
        let refused = match &outcome {
            Outcome::Transfer(transfer) => unknown(&transfer.to)
                .or_else(|| self.forbidden(transfer, rules))
                .map(|why| transfer.failed(&why)),
            Outcome::Delegate { to, task, .. } => unknown(to).or_else(|| match () {
                () if self.depth >= limits.deepest() => {
                    let most = limits.deepest();
                    Some(format!("not delegated to {to:?}: the depth limit of {most} is reached"))
                }
                () => task.is_blank().then(|| format!("not delegated to {to:?}: the task is empty")),
            }),
            Outcome::Plan { plan, .. } => self.refused_plan(plan, rules),
            Outcome::Detach if self.depth >= limits.deepest() => {
                Some(format!("not run: the depth limit of {} is reached", limits.deepest()))
            }
            _ => None,
        };
        let admitted = refused.map_or(outcome, Outcome::error).with_calls_in_reply(limits.calls_in_reply);
        if self.is_detachable() {
            return admitted.of_detachable();
        }
        if self.is_plan() {
            // No model reads this result. What the plan shows of it has the limit of the whole plan.
            return admitted.of_step();
        }
        let calls = self.slots.len().max(self.detached.going_on.len() + self.detached.untold.len());
        limited(admitted, rules.max_results_bytes(&self.agent), calls)
    }

    /// Records an outcome that the rules have admitted.
    pub(super) fn record(&mut self, place: usize, done: Done) {
        self.count_call(place, &done.outcome);
        self.reserved.settle_call(&self.slots[place].call.id);
        if let Some(stopped) = self.of_stopped(&done.outcome) {
            self.slots[place].state = stopped;
            self.usage += &done.usage;
            return;
        }
        if let Outcome::Control(_) = done.outcome {
            // The host does it, and records what came of it.
            self.usage += &done.usage;
            return;
        }
        self.slots[place].state = match done.outcome {
            Outcome::Control(_) => unreachable!("it is dealt with above"),
            Outcome::Output(content) => State::Done { content, is_error: false },
            Outcome::Error(content) => State::Done { content, is_error: true },
            Outcome::Answer { content, cut } => State::Answer { content, cut },
            Outcome::Wait { question } => State::Waiting { question },
            Outcome::Transfer(transfer) => State::Transfer(transfer),
            Outcome::Delegate { to, task, limits } => {
                let id = &self.slots[place].call.id;
                State::Delegated(Box::new(self.child(id, to, task, *limits)))
            }
            Outcome::Plan { plan, limits } => {
                let id = &self.slots[place].call.id;
                State::Delegated(Box::new(self.plan_child(id, plan, *limits)))
            }
            Outcome::Detach => {
                let call = &self.slots[place].call;
                State::Delegated(Box::new(self.detachable_child(call)))
            }
        };
        self.usage += &done.usage;
    }

    /// Counts a call that was made. One that has delegated was counted then.
    fn count_call(&mut self, place: usize, outcome: &Outcome) {
        let is_made = match outcome {
            Outcome::Error(why) => {
                let why = why.to_text();
                !why.starts_with(NOT_RUN) && !why.starts_with(DENIED)
            }
            // The call is made, and counted, in its own conversation.
            Outcome::Wait { .. } | Outcome::Detach | Outcome::Control(_) => false,
            _ => true,
        };
        if is_made && !matches!(self.slots[place].state, State::Delegated(_)) {
            self.usage.count_call(&self.agent);
        }
    }
}
