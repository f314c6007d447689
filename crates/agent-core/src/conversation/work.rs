//! What a turn of the tools has to do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Conversation, ToolCall};

/// A piece of work that may start now. Plain data, so that it can be done elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// A tool is called.
    Call(Call),
    /// Another agent does a task.
    Delegate(Delegation),
}

/// A call of a tool, and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The id of the conversation it was made in.
    pub conversation: Arc<str>,
    /// How many delegations that conversation is away from the user.
    pub depth: u32,
    /// The agent that made it.
    pub agent: Arc<str>,
    /// The call itself.
    pub call: Arc<ToolCall>,
    /// Its place among the calls of its reply, from 0 on.
    #[serde(default)]
    pub place: usize,
    /// Whether a person has allowed it.
    #[serde(alias = "allowed")]
    pub approved: bool,
}

/// A task for another agent, and the call that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delegation {
    /// The agent that delegates.
    pub by: Arc<str>,
    /// The call whose result the answer will be.
    pub call: Arc<ToolCall>,
    /// The other agent's conversation, as far as it has come.
    pub conversation: Box<Conversation>,
}

impl Work {
    /// The id of the call this is for.
    pub fn id(&self) -> &str {
        &self.tool_call().id
    }

    pub(crate) fn tool_call(&self) -> &Arc<ToolCall> {
        match self {
            Self::Call(Call { call, .. }) | Self::Delegate(Delegation { call, .. }) => call,
        }
    }
}
