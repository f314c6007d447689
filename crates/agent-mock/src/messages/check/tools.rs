//! Checks the tools of a request and the tool choice.

use std::{collections::HashSet, fmt::Display};

use serde_json::Value;

use super::{Verdict, is_name, must, refuse, schema};
use crate::json::list;

pub(super) fn check(body: &Value) -> Verdict {
    must(matches!(body["tools"], Value::Null | Value::Array(_)), || {
        "tools: Input should be a valid list".to_owned()
    })?;
    let tools = list(&body["tools"]);
    let mut names = HashSet::new();
    for (index, tool) in tools.iter().enumerate() {
        if matches!(tool["type"].as_str(), None | Some("custom")) {
            custom(tool, &format_args!("tools.{index}.custom"))?;
        }
        let name = tool["name"].as_str();
        must(name.is_none_or(|name| names.insert(name)), || "tools: Tool names must be unique.".to_owned())?;
    }
    choice(&body["tool_choice"], tools, &names)?;
    let used = |block: &Value| block["type"] == "tool_use" || block["type"] == "tool_result";
    let uses = list(&body["messages"]).iter().any(|message| list(&message["content"]).iter().any(used));
    must(!uses || !tools.is_empty(), || {
        "Requests which include `tool_use` or `tool_result` blocks must define tools".to_owned()
    })
}

/// Checks a tool that the caller runs.
fn custom(tool: &Value, at: &impl Display) -> Verdict {
    match &tool["name"] {
        Value::Null => refuse(format!("{at}.name: Field required"))?,
        name => must(name.as_str().is_some_and(|name| is_name(name) && name.len() <= 128), || {
            format!("{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        })?,
    }
    match &tool["input_schema"] {
        Value::Null => refuse(format!("{at}.input_schema: Field required")),
        given => schema::check(given, at),
    }
}

fn choice(choice: &Value, tools: &[Value], names: &HashSet<&str>) -> Verdict {
    if choice.is_null() {
        return Ok(());
    }
    must(!tools.is_empty(), || "tool_choice may only be specified while providing tools.".to_owned())?;
    match choice["type"].as_str() {
        Some("auto" | "any" | "none") => Ok(()),
        Some("tool") => {
            let name = choice["name"].as_str().unwrap_or_default();
            must(names.contains(name), || format!("Tool '{name}' not found in provided tools"))
        }
        _ => refuse("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'"),
    }
}
