//! Plans that end before all steps have ended.

use super::{Planned, status::Status};
use crate::{
    Conversation, Outcome,
    conversation::{Skipped, State},
};

impl Conversation {
    /// Whether this is the conversation of a plan that may end before all its steps have ended.
    /// Then a host must be able to stop them.
    pub fn may_end_early(&self) -> bool {
        let plan = self.planned.as_ref().and_then(Planned::plan);
        plan.is_some_and(|plan| plan.enough.is_some() || plan.stop_on_failure)
    }

    /// Whether this is the conversation of a plan that needs no more of its steps. Those that still
    /// run are to be stopped.
    pub(in crate::conversation) fn has_enough(&self) -> bool {
        if !self.may_end_early() {
            return false;
        }
        let Some(plan) = self.planned.as_ref().and_then(Planned::plan) else { return false };
        let statuses = || self.slots.iter().map(|slot| Status::of(&slot.state));
        let ends = plan.needs.iter().filter(|needs| needs.is_last).count();
        let good_ends = statuses()
            .zip(plan.needs.iter())
            .filter(|(status, needs)| needs.is_last && matches!(status, Status::Good(_)));
        plan.enough.is_some_and(|enough| good_ends.count() >= (enough as usize).clamp(1, ends))
            || (plan.stop_on_failure && statuses().any(|status| matches!(status, Status::Failed(_))))
    }

    /// Gives their results to the steps that have not begun, and to those that wait for a person.
    /// The others get theirs when their host has stopped them.
    pub(super) fn end_steps_not_begun(&mut self) {
        for slot in self.slots.iter_mut() {
            if matches!(slot.state, State::Planned | State::Waiting { .. }) {
                slot.state = State::Skipped(Skipped::NotNeeded("the plan had ended".to_owned()));
            }
        }
    }

    /// The state of a step whose outcome came after the plan had ended; `None` if it has a result
    /// all the same, or the plan goes on.
    pub(in crate::conversation) fn of_stopped(&self, outcome: &Outcome) -> Option<State> {
        match outcome {
            Outcome::Error(content) if self.has_enough() => {
                Some(State::Skipped(Skipped::Stopped(content.clone())))
            }
            Outcome::Wait { .. } if self.has_enough() => {
                Some(State::Skipped(Skipped::NotNeeded("the plan had ended".to_owned())))
            }
            _ => None,
        }
    }
}
