//! Which tools the model may or must call.

use agent_core::Json;
use serde_json::json;

/// Which tools the model may or must call. Sent only with requests that have tools.
/// Source: <https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use>.
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
    pub(crate) fn json(&self, disable_parallel_tool_use: bool) -> Json {
        let mut choice = match self {
            Self::Auto => json!({"type": "auto"}),
            Self::Any => json!({"type": "any"}),
            Self::Tool(name) => json!({"type": "tool", "name": name}),
            // Where nothing may be called there is nothing to make parallel; the API refuses the field.
            Self::None => return json!({"type": "none"}).into(),
        };
        if disable_parallel_tool_use {
            choice["disable_parallel_tool_use"] = true.into();
        }
        choice.into()
    }
}
