//! What holds for a whole call, also where it becomes another agent's conversation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a call was promised that became a delegation: it goes along with the other agent's
/// conversation, so that it holds on any host, and in a run that goes on elsewhere.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationLimits {
    /// The most bytes of words that the call's result may have: see
    /// [`AgentBuilder::max_result_bytes`](crate::AgentBuilder::max_result_bytes).
    #[serde(default, alias = "longest_result", skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<usize>,
    /// How long the call may take: see [`ToolSpec::timeout`](crate::ToolSpec::timeout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// What was left of that when it became a delegation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_left: Option<Duration>,
}

impl DelegationLimits {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
