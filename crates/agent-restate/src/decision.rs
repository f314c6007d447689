//! The decision of a person about a waiting call.

use agent_core::{
    Conversation,
    conversation::{Change, NotWaiting},
};
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
    /// The change that it makes to the conversation of this call.
    pub(crate) fn change(self, call: &str) -> Change {
        let call = call.to_owned();
        match self {
            Self::Approve => Change::Approved { call },
            Self::Deny(reason) => Change::Denied { call, reason },
        }
    }

    pub(crate) fn apply(&self, key: &str, conversation: &mut Conversation) -> Result<(), NotWaiting> {
        match self {
            Self::Approve => conversation.approve(key),
            Self::Deny(reason) => conversation.deny(key, reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn an_approval_is_written_as_allow_and_read_under_both_names() {
        let written = |verdict: &Verdict| serde_json::to_string(verdict).unwrap();
        let read = |text: &str| serde_json::from_str::<Verdict>(text).unwrap();
        assert_eq!(written(&Verdict::Approve), r#""allow""#);
        assert_eq!(written(&Verdict::Deny("no".to_owned())), r#"{"deny":"no"}"#);
        assert_eq!([read(r#""allow""#), read(r#""approve""#)], [Verdict::Approve, Verdict::Approve]);
    }
}
