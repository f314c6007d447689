//! How far the steps of a plan are.

use crate::{
    Block, Content, Conversation, Json, Message,
    conversation::{
        Slot, State,
        plan::{Needs, Plan, Reference},
    },
};

/// How the result of a step begins that was not needed.
pub(super) const NOT_NEEDED: &str = "not needed: ";

/// How far a step is.
pub(super) enum Status<'a> {
    /// It has no result yet.
    Open,
    Good(&'a Content),
    /// It failed, or was not made because a step that it needs failed.
    Failed(String),
    /// It was not made, because it is only for the case that another step fails.
    NotNeeded,
}

/// What a step that has not begun can do now.
pub(super) enum Readiness {
    Waits,
    Ready,
    /// It will not be made, for this reason.
    Failed(String),
    NotNeeded(String),
}

impl Conversation {
    /// How far the step at this place is.
    pub(super) fn status(&self, place: usize) -> Status<'_> {
        let (content, is_error) = match self.slots.get(place).map(|slot| &slot.state) {
            Some(State::Done { content, is_error }) => (content, *is_error),
            Some(State::Answer { content, .. }) => (content, false),
            Some(_) => return Status::Open,
            // All steps are done, and the last message has their results.
            None => match self.messages.last().and_then(|last| last.tool_results().nth(place)) {
                Some((_, content, is_error)) => (content, is_error),
                None => return Status::Open,
            },
        };
        let text = || content.to_text();
        match is_error {
            false => Status::Good(content),
            true if text().starts_with(NOT_NEEDED) => Status::NotNeeded,
            true => Status::Failed(text()),
        }
    }

    /// What a step that has not begun can do now.
    pub(super) fn readiness(&self, plan: &Plan, place: usize) -> Readiness {
        let Needs { results, failure, .. } = &plan.needs[place];
        let id = |place: usize| plan.steps[place].id.as_str();
        if let Some(other) = *failure {
            match self.status(other) {
                Status::Open => return Readiness::Waits,
                Status::Good(_) => return Readiness::not_needed(format!("step {:?} succeeded", id(other))),
                Status::NotNeeded => {
                    return Readiness::not_needed(format!("step {:?} was not needed", id(other)));
                }
                Status::Failed(_) => {}
            }
        }
        let mut not_needed = None;
        for Reference { steps, .. } in results {
            match self.first_good(steps) {
                Status::Good(_) => {}
                Status::Open => return Readiness::Waits,
                Status::Failed(why) => return Readiness::Failed(why),
                Status::NotNeeded => not_needed = steps.first().copied(),
            }
        }
        match not_needed {
            Some(other) => Readiness::not_needed(format!("step {:?} was not needed", id(other))),
            None => Readiness::Ready,
        }
    }

    /// The first of these steps that has a result, or why there is none.
    fn first_good(&self, steps: &[usize]) -> Status<'_> {
        let mut all = steps.iter().map(|step| (*step, self.status(*step)));
        let mut none = Status::NotNeeded;
        loop {
            match all.next() {
                Some((_, good_or_open @ (Status::Good(_) | Status::Open))) => return good_or_open,
                Some((step, Status::Failed(why))) => none = Status::Failed(self.reason(step, &why)),
                Some((_, Status::NotNeeded)) => {}
                None => return none,
            }
        }
    }

    /// Why a step has no result, for steps that need it. The reason of a chain is the first one.
    pub(super) fn reason(&self, step: usize, why: &str) -> String {
        let id = self.plan.as_ref().map(|plan| plan.steps[step].id.as_str()).unwrap_or_default();
        match why.strip_prefix(NOT_MADE) {
            Some(first) => first.to_owned(),
            None => format!("step {id:?} failed: {why}"),
        }
    }

    /// The result of the first of these steps that has one, as JSON. The error says why there is none.
    pub(super) fn value_of(&self, plan: &Plan, ids: &[String]) -> Result<Json, String> {
        let place = |id: &String| plan.steps.iter().position(|step| step.id == *id);
        let places: Vec<usize> = ids.iter().filter_map(place).collect();
        match self.first_good(&places) {
            Status::Good(content) => Ok(value(content)),
            Status::Failed(why) => Err(why),
            Status::NotNeeded => Err(format!("step {:?} was not needed", ids.join(", "))),
            Status::Open => Err(format!("step {:?} has no result yet", ids.join(", "))),
        }
    }
}

/// How the error result of a step begins that was not made, because a step that it needs failed.
const NOT_MADE: &str = "not run: ";

impl Readiness {
    fn not_needed(why: String) -> Self {
        Self::NotNeeded(why)
    }

    /// Gives the step its result, if it will not be made. Returns whether it can be made now.
    pub(super) fn settle(self, slot: &mut Slot) -> bool {
        match self {
            Self::Waits => {}
            Self::Ready => return true,
            Self::Failed(why) => slot.fail(format!("{NOT_MADE}{why}")),
            Self::NotNeeded(why) => slot.fail(format!("{NOT_NEEDED}{why}")),
        }
        false
    }
}

/// A result as JSON: unchanged if its text is JSON, otherwise as a string.
pub(super) fn value(content: &Content) -> Json {
    let text = content.to_text();
    Json::read(text.trim()).unwrap_or_else(|_| Json::of(&text).expect("a string can always be written"))
}

/// The blocks of results that are not text, such as pictures.
pub(super) fn other_blocks(message: Option<&Message>, place: usize) -> Vec<Block> {
    match message.and_then(|message| message.tool_results().nth(place)) {
        Some((_, Content::Blocks(blocks), _)) => {
            blocks.iter().filter(|block| block.as_text().is_none()).cloned().collect()
        }
        _ => Vec::new(),
    }
}
