//! The replies of the default scenario.

use agent_core::script::Reply;
use serde_json::Value;

use crate::{
    example::example,
    recorded_request::{list, texts},
};

/// Calls the tool that the request forces, or the first that has a schema. If the last message has
/// tool results, replies with a text that repeats them. Without tools, replies with the text of the
/// last message.
pub(crate) fn default_reply(body: &Value) -> Reply {
    let messages = list(&body["messages"]);
    let spoken =
        messages.iter().rposition(|message| message["role"] == "assistant").map_or(0, |last| last + 1);
    let results: Vec<String> = messages[spoken..]
        .iter()
        .flat_map(|message| list(&message["content"]))
        .filter(|block| block["type"] == "tool_result")
        .map(|block| texts(&block["content"]).concat())
        .collect();
    if !results.is_empty() {
        return Reply::text(format!("The tools said: {}", results.join("; ")));
    }
    match tool(body) {
        Some(tool) => {
            let name = tool["name"].as_str().unwrap_or_default();
            Reply::call(name, example(&tool["input_schema"]))
        }
        None => {
            let told = messages.last().map(|message| texts(&message["content"]).concat());
            Reply::text(format!("You said: {}", told.unwrap_or_default()))
        }
    }
}

fn tool(body: &Value) -> Option<&Value> {
    let choice = &body["tool_choice"];
    let mut tools = list(&body["tools"]).iter().filter(|tool| tool["input_schema"].is_object());
    match choice["type"].as_str() {
        Some("none") => None,
        Some("tool") => tools.find(|tool| tool["name"] == choice["name"]),
        _ => tools.next(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(fields: Value, messages: Value, expected: Value) {
        let mut body = json!({"messages": messages});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let said: Vec<Value> =
            default_reply(&body).content.iter().map(|block| block.json().parse().unwrap()).collect();
        assert_eq!(Value::from(said), json!([expected]), "{body}");
    }

    #[test]
    fn it_calls_the_first_tool_and_then_answers() {
        let schema =
            json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        let tools = json!([
            {"type": "web_search_20260318", "name": "web_search"},
            {"name": "weather", "input_schema": schema},
            {"name": "stop", "input_schema": {"type": "object"}},
        ]);
        let asked = json!([{"role": "user", "content": "Paris?"}]);
        let call = |name, input| json!({"type": "tool_use", "id": "", "name": name, "input": input});
        let text = |text| json!({"type": "text", "text": text});
        check(json!({"tools": tools}), asked.clone(), call("weather", json!({"city": "text"})));
        let chosen = json!({"tools": tools, "tool_choice": {"type": "tool", "name": "stop"}});
        check(chosen, asked.clone(), call("stop", json!({})));
        check(
            json!({"tools": tools, "tool_choice": {"type": "none"}}),
            asked.clone(),
            text("You said: Paris?"),
        );
        check(json!({}), asked, text("You said: Paris?"));
        let answered = json!([
            {"role": "user", "content": "Paris?"},
            {"role": "assistant", "content": []},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "rain"},
                {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "sun"}]},
            ]},
        ]);
        check(json!({"tools": tools}), answered, text("The tools said: rain; sun"));
    }
}
