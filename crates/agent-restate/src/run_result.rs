//! What a run on the engine led to.

use agent_core::{Conversation, End, conversation::Failure};
use serde::{Deserialize, Serialize};

/// A run that is over: the conversation as it is now, and why it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The conversation.
    pub conversation: Conversation,
    /// Why it is the user's turn, or which model did not answer: then another run goes on from there.
    pub end: Result<End, Failure>,
}
