//! Which tools the model may or must call.

/// Which tools the model may or must call. The choice is sent only with requests that have tools.
///
/// A call is forced ([`Any`](Self::Any), [`Tool`](Self::Tool)) only in an agent's first request
/// after the user spoke, or after the agent got the conversation. In later requests the model
/// decides, so that it can read the result and answer. With the client's setting
/// `force_every_turn`, the call is forced in each request. The same rules apply to a `tool_choice`
/// in [`AgentBuilder::extra`](agent_core::AgentBuilder::extra).
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// The model must call a tool, and decides which one.
    Any,
    /// The model must call the tool with this name.
    Tool(String),
    /// The model may not call a tool.
    None,
}

impl ToolChoice {
    /// The same where nothing is forced any more.
    pub(crate) fn eased(&self) -> Self {
        match self {
            Self::Any | Self::Tool(_) => Self::Auto,
            free => free.clone(),
        }
    }
}
