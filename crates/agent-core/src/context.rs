//! What a tool call knows of where it runs.

use tokio_util::sync::CancellationToken;

/// Where a tool call runs: whose call it is, and whether it is still wanted.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) conversation: String,
    pub(crate) agent: String,
    pub(crate) call_id: String,
    pub(crate) allowed: bool,
    pub(crate) cancel: CancellationToken,
}

impl Context {
    /// A context for calling a tool by hand, as in its tests.
    pub fn by_hand(call_id: impl Into<String>) -> Self {
        Self {
            conversation: "by-hand".to_owned(),
            agent: "nobody".to_owned(),
            call_id: call_id.into(),
            allowed: false,
            cancel: CancellationToken::new(),
        }
    }

    /// The conversation's id, which is also its path: `run/call_0_1`.
    pub fn conversation(&self) -> &str {
        &self.conversation
    }

    /// The agent that makes the call.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The id of the call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// A key that stays the same when the call is made again after a crash: the conversation's id and
    /// the call's. It is as unique as the former; see [`Conversation::with_id`](crate::Conversation).
    pub fn key(&self) -> String {
        format!("{}/{}", self.conversation, self.call_id)
    }

    /// Whether a person has allowed this call, after an [`Outcome::Wait`](crate::Outcome::Wait).
    pub fn allowed(&self) -> bool {
        self.allowed
    }

    /// Whether the call's result is no longer wanted. Async calls are simply dropped; a blocking
    /// function should look here from time to time, since nothing else can stop it.
    pub fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
