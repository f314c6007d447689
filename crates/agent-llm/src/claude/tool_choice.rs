//! Which tools the model may or must call, in the API's JSON.
//! Source: <https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use>.

use std::collections::BTreeMap;

use agent_core::Json;
use serde_json::json;

use crate::ToolChoice;

/// A choice as the API reads it.
pub(crate) fn choice_json(choice: &ToolChoice, disable_parallel_tool_use: bool) -> Json {
    let mut choice = match choice {
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::Any => json!({"type": "any"}),
        ToolChoice::Tool(name) => json!({"type": "tool", "name": name}),
        // Where nothing may be called there is nothing to make parallel; the API refuses the field.
        ToolChoice::None => return json!({"type": "none"}).into(),
    };
    if disable_parallel_tool_use {
        choice["disable_parallel_tool_use"] = true.into();
    }
    choice.into()
}

/// A choice that was given as JSON, where nothing is forced any more. One of another shape stays as
/// it is.
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
