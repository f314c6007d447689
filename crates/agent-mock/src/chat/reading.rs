//! What a scenario needs to know about a request for chat completions.

use serde_json::Value;

use crate::{
    json::{list, texts},
    request_reading::{OfferedTool, RequestReading},
};

pub(super) fn read(body: &Value) -> RequestReading {
    let messages = list(&body["messages"]);
    let is =
        |message: &Value, roles: &[&str]| message["role"].as_str().is_some_and(|role| roles.contains(&role));
    let text = |message: &Value| texts(&message["content"]).concat();
    let system = messages.iter().take_while(|message| is(message, &["system", "developer"]));
    let spoken = messages.iter().rposition(|message| is(message, &["assistant"])).map_or(0, |last| last + 1);
    let results = messages[spoken..].iter().filter(|message| is(message, &["tool"]));
    RequestReading {
        turn: messages.iter().filter(|message| is(message, &["assistant"])).count(),
        system: system.map(text).collect(),
        last_text: messages.last().filter(|last| !is(last, &["tool"])).map(text).unwrap_or_default(),
        results: results.map(text).collect(),
        tool: tool(body),
        streaming: body["stream"] == true,
    }
}

fn tool(body: &Value) -> Option<OfferedTool> {
    let choice = &body["tool_choice"];
    let mut functions = list(&body["tools"]).iter().map(|tool| &tool["function"]);
    let tool = |function: &Value| OfferedTool::of(function, "parameters");
    match choice.as_str().or_else(|| choice["type"].as_str()) {
        Some("none") => None,
        Some("function") => {
            functions.filter(|function| function["name"] == choice["function"]["name"]).find_map(tool)
        }
        _ => functions.find_map(tool),
    }
}
