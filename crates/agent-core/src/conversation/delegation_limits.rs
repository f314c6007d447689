//! The limits of a call that became another agent's conversation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Budget;

/// The limits of a call that delegated a task to another agent. They are saved with that agent's
/// conversation, so they also hold if another process continues the run.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationLimits {
    /// The most bytes of text that the result of the call may have. `None` means no limit. See
    /// [`AgentBuilder::max_result_bytes`](crate::AgentBuilder::max_result_bytes).
    #[serde(default, alias = "longest_result", skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<usize>,
    /// How long the call may take; see [`ToolSpec::timeout`](crate::ToolSpec::timeout). `None`
    /// means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How much of the timeout was left when the call delegated. `None` if there is no timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_left: Option<Duration>,
    /// What the other agent may spend; see [`ToolSpec::budget`](crate::ToolSpec::budget). `None`
    /// means that only the budgets of the conversation that delegates hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Box<Budget>>,
    /// The most calls that a step of a [plan](crate::conversation::Plan) may make for the items of
    /// a list. `None` means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_in_reply: Option<u32>,
}

impl DelegationLimits {
    /// The limits of the calls that a step of a plan makes for the items of a list.
    pub(super) fn for_items(&self) -> Self {
        Self { calls_in_reply: self.calls_in_reply, ..Self::default() }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
