//! Which tools the model may or must call.

/// Which tools the model may or must call. It is sent only with requests that have tools.
///
/// A forced call ([`Any`](Self::Any), [`Tool`](Self::Tool)) is forced once: in an agent's first
/// request after the user spoke, or after the agent got the conversation. In later turns the model
/// decides, so that it can read the result and answer. The client's setting `force_every_turn`
/// changes that. All of this also holds for a `tool_choice` in
/// [`AgentBuilder::extra`](agent_core::AgentBuilder::extra).
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// The model must call a tool, and decides which.
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
