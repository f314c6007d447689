//! What a person says about a call that waits.

use agent_core::{Conversation, conversation::NotWaiting};
use serde::{Deserialize, Serialize};

/// A decision about the call of this key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) key: String,
    pub(crate) verdict: Verdict,
}

/// Whether the call is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    #[serde(rename = "allow")]
    Allow,
    /// The model reads why.
    #[serde(rename = "deny")]
    Deny(String),
}

impl Verdict {
    pub(crate) fn apply(&self, key: &str, conversation: &mut Conversation) -> Result<(), NotWaiting> {
        match self {
            Self::Allow => conversation.approve(key),
            Self::Deny(reason) => conversation.deny(key, reason),
        }
    }
}
