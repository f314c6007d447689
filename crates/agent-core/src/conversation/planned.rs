//! The conversation of a plan: one reply that was given, whose calls begin when what they need is
//! there. It has no model's turn, and ends when all calls have results.

mod advance;
mod answer;
mod beginning;
mod early_end;
mod status;

use std::sync::Arc;

pub(crate) use beginning::{PlanBeginning, Starting};
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::{Content, Outcome};

/// What the conversation of a plan knows beside its calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Planned {
    /// Where its calls come from.
    #[serde(default)]
    pub(super) given: Given,
    /// The result, when all calls have theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<PlanResult>,
}

/// Where the calls of such a conversation come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) enum Given {
    Plan(Arc<Plan>),
    /// They are one step of a plan, made for each item of a list. They need nothing, and their
    /// inputs are complete.
    #[default]
    Items,
    /// It is one call, which may be detached.
    Call,
}

impl Planned {
    pub(super) fn of(given: Given) -> Self {
        Self { given, result: None }
    }

    pub(super) fn plan(&self) -> Option<&Arc<Plan>> {
        match &self.given {
            Given::Plan(plan) => Some(plan),
            Given::Items | Given::Call => None,
        }
    }
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
