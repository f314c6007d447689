//! Steps of plans that were not made, or not to their end.

use serde::{Deserialize, Serialize};

use crate::Content;

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
