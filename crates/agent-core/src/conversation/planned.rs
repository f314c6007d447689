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
    /// The plan. `None` if its calls are those of a step that is made for each item of a list. They
    /// need nothing, and their inputs are complete.
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

impl PlanResult {
    pub(super) fn outcome(&self) -> Outcome {
        match self.is_error {
            true => Outcome::Error(self.content.clone()),
            false => Outcome::Output(self.content.clone()),
        }
    }
}
