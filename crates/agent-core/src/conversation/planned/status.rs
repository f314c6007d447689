//! How far the steps of a plan are.

use crate::{
    Block, Content, Conversation, Json,
    conversation::{
        Skipped, Slot, State,
        plan::{Needs, Plan, Reference},
    },
};

/// How far a step is.
#[derive(Clone)]
pub(super) enum Status<'a> {
    /// It has no result yet.
    Open,
    Good(&'a Content),
    /// It was made, and failed.
    Failed(&'a Content),
    Skipped(&'a Skipped),
}

/// What a step that has not begun can do now.
pub(super) enum Readiness {
    Waits,
    Ready,
    /// It will not be made.
    Skipped(Skipped),
}

impl<'a> Status<'a> {
    pub(super) fn of(state: &'a State) -> Self {
        match state {
            State::Done { content, is_error: false } => Self::Good(content),
            State::Answer { content, cut } => Self::Good(cut.as_ref().unwrap_or(content)),
            State::Done { content, .. } => Self::Failed(content),
            State::Skipped(skipped) => Self::Skipped(skipped),
            _ => Self::Open,
        }
    }
}

impl Conversation {
    /// How far the step at this place is.
    pub(super) fn status(&self, place: usize) -> Status<'_> {
        Status::of(&self.slots[place].state)
    }

    /// What a step that has not begun can do now.
    pub(super) fn readiness(&self, plan: &Plan, place: usize) -> Readiness {
        let Needs { results, failure, .. } = &plan.needs[place];
        let not_needed = |other: usize, how: &str| {
            let why = format!("step {:?} {how}", plan.steps[other].id);
            Readiness::Skipped(Skipped::NotNeeded(why))
        };
        if let Some(other) = *failure {
            match self.status(other) {
                Status::Open => return Readiness::Waits,
                Status::Good(_) => return not_needed(other, "succeeded"),
                Status::Skipped(Skipped::NotNeeded(_)) => return not_needed(other, "was not needed"),
                Status::Failed(_) | Status::Skipped(_) => {}
            }
        }
        let mut useless = None;
        for Reference { steps, .. } in results {
            match self.first_good(steps) {
                Status::Good(_) => {}
                Status::Open => return Readiness::Waits,
                Status::Skipped(Skipped::NotNeeded(_)) => useless = steps.first().copied(),
                none => return Readiness::Skipped(Skipped::NotMade(self.why_none(plan, steps, &none))),
            }
        }
        useless.map_or(Readiness::Ready, |other| not_needed(other, "was not needed"))
    }

    /// The first of these steps that has a result; otherwise the last of them that failed, or was
    /// not made.
    fn first_good(&self, steps: &[usize]) -> Status<'_> {
        let mut none = None;
        for status in steps.iter().map(|step| self.status(*step)) {
            match status {
                Status::Good(_) | Status::Open => return status,
                Status::Skipped(Skipped::NotNeeded(_)) => none = none.or(Some(status)),
                Status::Failed(_) | Status::Skipped(_) => none = Some(status),
            }
        }
        none.unwrap_or(Status::Open)
    }

    /// Why none of these steps has a result.
    fn why_none(&self, plan: &Plan, steps: &[usize], none: &Status<'_>) -> String {
        let ids = || steps.iter().map(|step| plan.steps[*step].id.as_str()).collect::<Vec<_>>().join(", ");
        match none {
            Status::Good(_) | Status::Open => format!("step {:?} has no result yet", ids()),
            Status::Failed(content) => {
                let is_it =
                    |step: &&usize| matches!(self.status(**step), Status::Failed(one) if one == *content);
                let id = steps.iter().rfind(is_it).map(|step| plan.steps[*step].id.as_str());
                format!("step {:?} failed: {}", id.unwrap_or_default(), content.to_text())
            }
            // The reason of a chain is the first one.
            Status::Skipped(Skipped::NotMade(why)) => why.clone(),
            Status::Skipped(skipped) => format!("step {:?} was {}", ids(), skipped.text()),
        }
    }

    /// Why the step at this place has no result.
    pub(super) fn why_not(&self, plan: &Plan, place: usize) -> String {
        self.why_none(plan, &[place], &self.status(place))
    }

    /// The result of the first of these steps that has one, as JSON. The error says why there is
    /// none.
    pub(super) fn value_of(&self, plan: &Plan, ids: &[String]) -> Result<Json, String> {
        let place = |id: &String| plan.steps.iter().position(|step| step.id == *id);
        let places: Vec<usize> = ids.iter().filter_map(place).collect();
        match self.first_good(&places) {
            Status::Good(content) => Ok(value(content)),
            none => Err(self.why_none(plan, &places, &none)),
        }
    }
}

impl Readiness {
    /// Gives the step its result, if it will not be made. Returns whether it can be made now.
    pub(super) fn settle(self, slot: &mut Slot) -> bool {
        match self {
            Self::Waits => false,
            Self::Ready => true,
            Self::Skipped(skipped) => {
                slot.state = State::Skipped(skipped);
                false
            }
        }
    }
}

/// A result as JSON: unchanged if its text is JSON, otherwise as a string. Pictures are described.
pub(super) fn value(content: &Content) -> Json {
    let text = match content {
        Content::Blocks(_) if content.to_text().trim().is_empty() => content.describe(),
        _ => content.to_text(),
    };
    Json::read(text.trim()).unwrap_or_else(|_| Json::of(&text).expect("a string can always be written"))
}

/// The blocks of a result that are not text, such as pictures.
pub(super) fn other_blocks(status: &Status<'_>) -> Vec<Block> {
    match status {
        Status::Good(Content::Blocks(blocks)) => {
            blocks.iter().filter(|block| block.as_text().is_none()).cloned().collect()
        }
        _ => Vec::new(),
    }
}
