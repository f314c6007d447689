//! The decision of a person about a waiting call.

use agent_core::{Conversation, conversation::NotWaiting};
use serde::{Deserialize, Serialize};

/// A decision about the call with this key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) key: String,
    pub(crate) verdict: Verdict,
}

/// Whether the call may be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// Stored as "allow": an older process may still wait for this decision.
    #[serde(rename = "allow", alias = "approve")]
    Approve,
    /// The model reads this reason.
    #[serde(rename = "deny")]
    Deny(String),
}

impl Verdict {
    pub(crate) fn apply(&self, key: &str, conversation: &mut Conversation) -> Result<(), NotWaiting> {
        match self {
            Self::Approve => conversation.approve(key),
            Self::Deny(reason) => conversation.deny(key, reason),
        }
    }
}
