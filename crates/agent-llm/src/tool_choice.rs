//! Which tools the model may or must call.

/// Which tools the model may or must call. Sent only with requests that have tools.
///
/// A call that is forced ([`Any`](Self::Any), [`Tool`](Self::Tool)) is forced once: in the first request of an agent since
/// the user spoke, or since it got the conversation. From the next turn on the model decides, so that it can read the
/// result and answer. A client's setting `force_every_turn` forces each turn. The same holds for a `tool_choice` given as a
/// field of requests ([`AgentBuilder::extra`](agent_core::AgentBuilder::extra)).
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// It must call a tool, whichever.
    Any,
    /// It must call this tool.
    Tool(String),
    /// It may call none.
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
