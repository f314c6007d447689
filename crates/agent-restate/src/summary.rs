//! What a list of sessions says about one, beside the session, so that a list reads no
//! conversation.

use agent_core::{Conversation, End, Usage};
use serde::{Deserialize, Serialize};

use crate::kept_turns::turns_of;

/// The key of the state.
pub(crate) const SUMMARY: &str = "summary";

/// What a list says about a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) agent: String,
    pub(crate) turns: usize,
    pub(crate) usage: Usage,
    /// In µs since 1970, as all times here.
    pub(crate) began: u64,
    pub(crate) changed: u64,
    /// How the last run ended. `None` during a run, and after one that was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<End>,
    /// The trace of a run that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
}

impl Summary {
    pub(crate) fn of(
        conversation: &Conversation,
        (began, changed): (u64, u64),
        end: Option<End>,
        trace: Option<String>,
    ) -> Self {
        Self {
            agent: conversation.agent().to_owned(),
            turns: turns_of(conversation),
            usage: conversation.usage(),
            began,
            changed,
            end,
            trace,
        }
    }
}
