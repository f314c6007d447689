//! The conversation of a plan: one reply that was given, whose calls begin when what they need is
//! there. It has no model's turn, and ends when all calls have results.

mod advance;
mod answer;
mod early_end;
mod status;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::{Content, Outcome};

/// What the conversation of a plan knows beside its calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Planned {
    /// The plan. `None` if its calls are those of a step that is made for each item of a list. They need
    /// nothing, and their inputs are complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<Arc<Plan>>,
    /// The result, when all calls have theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<PlanResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PlanResult {
    pub(super) content: Content,
    pub(super) is_error: bool,
}

/// Why a step was not made, or not to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Skipped {
    /// A step that it needs has no result, for this reason.
    NotMade(String),
    /// It is for the case that another step fails, or the plan had ended before.
    NotNeeded(String),
    /// The plan had ended while it ran. The text says what it had done.
    Stopped(Content),
}

impl PlanResult {
    pub(super) fn outcome(&self) -> Outcome {
        match self.is_error {
            true => Outcome::Error(self.content.clone()),
            false => Outcome::Output(self.content.clone()),
        }
    }
}

impl Skipped {
    /// What the result of the step says.
    pub(super) fn text(&self) -> String {
        match self {
            Self::NotMade(why) => format!("not run: {why}"),
            Self::NotNeeded(why) => format!("not needed: {why}"),
            Self::Stopped(content) => format!("stopped, because the plan had ended: {}", content.to_text()),
        }
    }
}
