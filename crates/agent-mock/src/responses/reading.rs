//! What a scenario needs to know about a request of the Responses API.

use serde_json::Value;

use super::kept::input_items;
use crate::{
    json::{list, texts},
    request_reading::{OfferedTool, RequestReading},
};

pub(super) fn read(body: &Value) -> RequestReading {
    let items = input_items(&body["input"]);
    let spoken = items.iter().rposition(is_by_model).map_or(0, |last| last + 1);
    let instructions = body["instructions"].as_str().map(str::to_owned);
    let is_system = |item: &&Value| item["role"] == "system" || item["role"] == "developer";
    let system = items.iter().take_while(is_system).map(text);
    RequestReading {
        turn: turns(&items),
        system: instructions.into_iter().chain(system).collect(),
        last_text: items.last().map(text).unwrap_or_default(),
        results: items[spoken..].iter().filter(|item| is_output(item)).map(output).collect(),
        tool: tool(body),
        streaming: body["stream"] == true,
    }
}

/// The number of replies. A reply is a run of items that a model wrote.
fn turns(items: &[Value]) -> usize {
    let starts = |(place, item): &(usize, &Value)| {
        is_by_model(item) && place.checked_sub(1).is_none_or(|before| !is_by_model(&items[before]))
    };
    items.iter().enumerate().filter(starts).count()
}

fn is_by_model(item: &Value) -> bool {
    match item["role"].as_str() {
        Some(role) => role == "assistant",
        None => !is_output(item),
    }
}

fn is_output(item: &Value) -> bool {
    item["type"].as_str().is_some_and(|kind| kind.ends_with("_output"))
}

fn text(item: &Value) -> String {
    texts(&item["content"]).concat()
}

fn output(item: &Value) -> String {
    texts(&item["output"]).concat()
}

fn tool(body: &Value) -> Option<OfferedTool> {
    let choice = &body["tool_choice"];
    let mut functions = list(&body["tools"]).iter().filter(|tool| tool["type"] == "function");
    let tool = |function: &Value| OfferedTool::of(function, "parameters");
    match choice.as_str().or_else(|| choice["type"].as_str()) {
        Some("none") => None,
        Some("function") => functions.filter(|function| function["name"] == choice["name"]).find_map(tool),
        _ => functions.find_map(tool),
    }
}
