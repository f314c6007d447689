//! The replies of the default scenario.

use agent_core::script::Reply;

use crate::{example::example, request_reading::RequestReading};

/// Calls the tool that the request forces, or the first that has a schema. If the last message has
/// tool results, replies with a text that repeats them. Without tools, replies with the text of the
/// last message.
pub(crate) fn default_reply(request: &RequestReading) -> Reply {
    if !request.results.is_empty() {
        return Reply::text(format!("The tools said: {}", request.results.join("; ")));
    }
    match &request.tool {
        Some(tool) => Reply::call(&*tool.name, example(&tool.schema)),
        None => Reply::text(format!("You said: {}", request.last_text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{messages::Messages, wire::Wire};

    fn check(fields: Value, messages: Value, expected: Value) {
        let mut body = json!({"messages": messages});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let said: Vec<Value> = default_reply(&Messages::default().read(&body))
            .content
            .iter()
            .map(|block| block.json().parse().unwrap())
            .collect();
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
