//! Plans that end before all steps have ended.

use super::status::{NOT_NEEDED, Status};
use crate::{Conversation, Outcome, conversation::State};

/// How the result of a step begins that was stopped.
const STOPPED: &str = "not needed: the plan had ended; ";

impl Conversation {
    /// Whether this is the conversation of a plan that may end before all its steps have ended. Then a
    /// host must be able to stop them.
    pub fn may_have_enough(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.enough.is_some() || plan.stop_on_failure)
    }

    /// Whether this is the conversation of a plan that needs no more of its steps. Those that still run
    /// are to be stopped.
    pub(in crate::conversation) fn has_enough(&self) -> bool {
        let Some(plan) = self.plan.as_ref().filter(|_| self.may_have_enough()) else { return false };
        let all = 0..plan.steps.len();
        let is_good = |place: &usize| matches!(self.status(*place), Status::Good(_));
        let is_failed = |place: usize| matches!(self.status(place), Status::Failed(_));
        let is_last = |place: &usize| plan.needs[*place].is_last;
        plan.enough
            .is_some_and(|enough| all.clone().filter(is_last).filter(is_good).count() >= enough as usize)
            || (plan.stop_on_failure && all.clone().any(is_failed))
    }

    /// Gives their results to the steps that have not begun, and to those that wait for a person. The
    /// others get theirs when their host has stopped them.
    pub(super) fn end_steps_not_begun(&mut self) {
        for slot in self.slots.iter_mut() {
            if matches!(slot.state, State::Planned | State::Waiting { .. }) {
                slot.fail(format!("{NOT_NEEDED}the plan had ended"));
            }
        }
    }

    /// The outcome of a step that was stopped says so, and what was done until then.
    pub(in crate::conversation) fn of_stopped(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Error(content) if self.has_enough() => {
                Outcome::error(format!("{STOPPED}{}", content.to_text()))
            }
            Outcome::Wait { .. } if self.has_enough() => {
                Outcome::error(format!("{NOT_NEEDED}the plan had ended"))
            }
            other => other,
        }
    }

    /// What was done by a step that was stopped; `None` if it was not stopped.
    pub(super) fn stopped_step(&self, place: usize) -> Option<String> {
        let (_, content, _) = self.messages.last()?.tool_results().nth(place)?;
        content.to_text().strip_prefix(STOPPED).map(str::to_owned)
    }
}
