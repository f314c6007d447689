//! Which tools the model may or must call.

use std::collections::BTreeMap;

use agent_core::Json;
use serde_json::json;

/// Which tools the model may or must call. Sent only with requests that have tools.
///
/// A call that is forced ([`Any`](Self::Any), [`Tool`](Self::Tool)) is forced once: in the first request of an agent since
/// the user spoke, or since it got the conversation. From the next turn on the model decides, so that it can read the
/// result and answer. [`ClaudeBuilder::force_every_turn`](crate::ClaudeBuilder::force_every_turn) forces each turn. The same holds
/// for a `tool_choice` given as a field of requests
/// ([`AgentBuilder::extra`](agent_core::AgentBuilder::extra)).
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

    /// The same where nothing is forced any more.
    pub(crate) fn eased(&self) -> Self {
        match self {
            Self::Any | Self::Tool(_) => Self::Auto,
            free => free.clone(),
        }
    }
}

/// The same for one that was given as JSON. One of another shape stays as it is.
pub(crate) fn eased(choice: &Json) -> Json {
    let Ok(mut fields) = choice.parse::<BTreeMap<String, Json>>() else { return choice.clone() };
    let kind: Option<String> = fields.get("type").and_then(|kind| kind.parse().ok());
    if !matches!(kind.as_deref(), Some("any" | "tool")) {
        return choice.clone();
    }
    fields.remove("name");
    fields.insert("type".to_owned(), json!("auto").into());
    Json::of(&fields).expect("keys are strings and values are JSON already")
}
