//! Requests, and what the API says about them.

use serde_json::{Value, json};

use super::{check_responses, check_with};
use crate::json::with_fields;
use crate::openai::rules::Rules;

/// A request with these items and one tool.
fn saying(input: Value) -> Value {
    json!({"model": "m", "tools": [tool("f")], "input": input})
}

/// A valid request with these fields changed. `null` removes a field.
fn with(fields: Value) -> Value {
    with_fields(saying(json!([user("hi")])), fields)
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}})
}

fn user(content: impl Into<Value>) -> Value {
    json!({"type": "message", "role": "user", "content": content.into()})
}

fn assistant(content: impl Into<Value>) -> Value {
    json!({"role": "assistant", "content": content.into()})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"})
}

fn output(id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": "ok"})
}

fn reasoning() -> Value {
    json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gA"})
}

/// Checks each body, and compares the field and the message of the error. "" means that there is no
/// error.
fn check_all<'a>(cases: impl IntoIterator<Item = (Value, &'a str, &'a str)>) {
    for (body, param, message) in cases {
        let refused = check_responses(&body).err();
        let got = refused.as_ref().map(|refusal| (refusal.param.as_deref().unwrap_or(""), &*refusal.message));
        assert_eq!(got.unwrap_or_default(), (param, message), "{body}");
    }
}

#[test]
fn fields() {
    let nothing =
        "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.";
    check_all([
        (with(json!({})), "", ""),
        (with(json!({"input": "hi"})), "", ""),
        (json!([]), "", "The request body must be a JSON object"),
        (with(json!({"model": null})), "model", "Missing required parameter: 'model'."),
        (with(json!({"input": null})), "input", nothing),
        (with(json!({"input": []})), "input", nothing),
        (
            with(json!({"input": 7})),
            "input",
            "Invalid type for 'input': expected one of a string or array of objects, but got an integer instead.",
        ),
        (with(json!({"messages": []})), "messages", "Unknown parameter: 'messages'."),
        (with(json!({"max_tokens": 100})), "max_tokens", "Unknown parameter: 'max_tokens'."),
        (
            with(json!({"max_output_tokens": 9})),
            "max_output_tokens",
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 9 instead.",
        ),
        (with(json!({"reasoning": {"effort": "low", "summary": "auto"}})), "", ""),
        (
            with(json!({"reasoning": {"enabled": true}})),
            "reasoning.enabled",
            "Unknown parameter: 'reasoning.enabled'.",
        ),
        (with(json!({"include": ["reasoning.encrypted_content"]})), "", ""),
        (
            with(json!({"stream_options": {}})),
            "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ),
        (
            with(json!({"stream": true, "stream_options": {"include_usage": true}})),
            "stream_options.include_usage",
            "Unknown parameter: 'stream_options.include_usage'.",
        ),
        (with(json!({"conversation": "conv_1"})), "conversation", "Conversation with id 'conv_1' not found."),
        (with(json!({"prompt": {"id": "pmpt_1"}})), "prompt", "Prompt with id 'pmpt_1' not found."),
    ]);
}

#[test]
fn items_are_of_known_types_and_have_their_fields() {
    let said = |item: Value| saying(json!([item]));
    let parts = |parts: Value| said(user(parts));
    check_all([
        (said(json!({"role": "developer", "content": "D"})), "", ""),
        (said(json!({"content": "a"})), "input[0].type", "Missing required parameter: 'input[0].type'."),
        (
            said(json!({"role": "tool", "content": "a"})),
            "input[0].role",
            "Invalid value: 'tool'. Supported values are: 'assistant', 'system', 'developer', and 'user'.",
        ),
        (said(user(Value::Null)), "input[0].content", "Missing required parameter: 'input[0].content'."),
        (
            said(json!({"role": "user", "content": "a", "name": "n"})),
            "input[0].name",
            "Unknown parameter: 'input[0].name'.",
        ),
        (
            said(json!({"role": "assistant", "content": "a", "id": "7"})),
            "input[0].id",
            "Invalid 'input[0].id': '7'. Expected an ID that begins with 'msg'.",
        ),
        (
            parts(json!([{"type": "text", "text": "a"}])),
            "input[0].content[0].type",
            "Invalid value: 'text'. Supported values are: 'input_text', 'input_image', 'input_file', and 'input_audio'.",
        ),
        (
            said(assistant(json!([{"type": "input_text", "text": "a"}]))),
            "input[0].content[0].type",
            "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
        ),
        (said(assistant(json!([{"type": "output_text", "text": "a", "annotations": []}]))), "", ""),
        (
            parts(json!([{"type": "input_text"}])),
            "input[0].content[0].text",
            "Missing required parameter: 'input[0].content[0].text'.",
        ),
        (parts(json!([{"type": "input_image", "image_url": "https://x", "detail": "auto"}])), "", ""),
        (
            parts(json!([{"type": "input_image", "image_url": {"url": "https://x"}}])),
            "input[0].content[0].image_url",
            "Invalid type for 'input[0].content[0].image_url': expected a string, but got an object instead.",
        ),
        (
            parts(json!([{"type": "input_file", "filename": "a.pdf"}])),
            "input[0].content[0]",
            "Mutually exclusive parameters: 'file_data', 'file_url' and 'file_id'. Ensure you are only providing one of them.",
        ),
        (
            said(json!({"type": "function_call", "call_id": "x", "arguments": ""})),
            "input[0].name",
            "Missing required parameter: 'input[0].name'.",
        ),
        (
            said(
                json!({"type": "function_call", "id": "call_1", "call_id": "x", "name": "f", "arguments": ""}),
            ),
            "input[0].id",
            "Invalid 'input[0].id': 'call_1'. Expected an ID that begins with 'fc'.",
        ),
        (
            saying(json!([call(&"x".repeat(65))])),
            "input[0].call_id",
            "Invalid 'input[0].call_id': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
        ),
        (
            said(json!({"type": "function_call_output", "call_id": "x"})),
            "input[0].output",
            "Missing required parameter: 'input[0].output'.",
        ),
        (
            said(json!({"type": "reasoning", "id": "rs_1"})),
            "input[0].summary",
            "Missing required parameter: 'input[0].summary'.",
        ),
    ]);
    let unknown = check_responses(&said(json!({"type": "tool_use"}))).unwrap_err();
    assert!(unknown.message.starts_with("Invalid value: 'tool_use'."), "{unknown}");
}

#[test]
fn items_that_belong_together_are_together() {
    let no_output = "No tool output found for function call x.";
    let no_call = "No tool call found for function call output with call_id x.";
    let alone = "Item 'rs_1' of type 'reasoning' was provided without its required following item.";
    let twice = "Duplicate call_ids submitted: ['x', 'x']";
    check_all([
        (saying(json!([user("a"), call("x"), call("y"), output("y"), output("x")])), "", ""),
        (saying(json!([user("a"), call("x"), assistant("b"), output("x")])), "", ""),
        (saying(json!([user("a"), call("x")])), "input", no_output),
        (saying(json!([user("a"), output("x")])), "input", no_call),
        (saying(json!([output("x"), call("x")])), "input", no_call),
        (saying(json!([call("x"), output("x"), output("x")])), "input", twice),
        (saying(json!([call("x"), call("x"), output("x")])), "input", twice),
        (
            saying(json!([{"type": "custom_tool_call", "call_id": "x", "name": "f", "input": ""}])),
            "input",
            "No tool output found for custom tool call x.",
        ),
        (saying(json!([reasoning(), call("x"), output("x")])), "", ""),
        (saying(json!([reasoning(), reasoning(), assistant("a")])), "", ""),
        (saying(json!([user("a"), reasoning()])), "input", alone),
        (saying(json!([reasoning(), user("a")])), "input", alone),
        (saying(json!([call("x"), reasoning(), output("x")])), "input", alone),
    ]);
}

#[test]
fn tools_and_formats_are_valid_and_the_choice_names_one() {
    let tools = |tools: Value| with(json!({"tools": tools}));
    let choice = |choice: Value| with(json!({"tool_choice": choice}));
    let open = json!({"type": "object", "properties": {}});
    let say = "In context=(), 'additionalProperties' is required to be supplied and to be false.";
    check_all([
        (tools(json!([])), "", ""),
        (tools(json!([{"type": "web_search"}, {"type": "mcp", "server_label": "x"}])), "", ""),
        (
            tools(json!([{"type": "function", "function": {"name": "f"}}])),
            "tools[0].function",
            "Unknown parameter: 'tools[0].function'.",
        ),
        (
            tools(json!([{"type": "function"}])),
            "tools[0].name",
            "Missing required parameter: 'tools[0].name'.",
        ),
        (
            tools(json!([tool(&"n".repeat(65))])),
            "tools[0].name",
            "Invalid 'tools[0].name': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
        ),
        (
            tools(json!([{"type": "function", "name": "f", "strict": true, "parameters": open}])),
            "tools[0].parameters",
            &format!("Invalid schema for function 'f': {say}"),
        ),
        (choice(json!({"type": "function", "name": "f"})), "", ""),
        (
            choice(json!({"type": "function", "name": "g"})),
            "tool_choice",
            "Tool choice 'g' not found in 'tools' parameter.",
        ),
        (
            choice(json!({"type": "web_search"})),
            "tool_choice",
            "Tool choice 'web_search' not found in 'tools' parameter.",
        ),
        (
            with(json!({"tools": null, "tool_choice": "required"})),
            "tool_choice",
            "Tool choice 'required' must be specified with 'tools' parameter.",
        ),
        (with(json!({"tools": null, "tool_choice": "auto"})), "", ""),
        (
            with(
                json!({"text": {"format": {"type": "json_schema", "name": "n", "strict": true, "schema": open}}}),
            ),
            "text.format.schema",
            &format!("Invalid schema for response_format 'n': {say}"),
        ),
        (
            with(json!({"text": {"format": {"type": "json_object"}}})),
            "input",
            "'input' must contain the word 'json' in some form, to use 'text.format' of type 'json_object'.",
        ),
    ]);
}

#[test]
fn a_compatible_server_ignores_what_it_does_not_know() {
    for body in
        [with(json!({"top_k": 3})), with(json!({"max_output_tokens": 9})), saying(json!([{"type": "holo"}]))]
    {
        assert!(check_responses(&body).is_err(), "{body}");
        assert_eq!(check_with(&body, Rules { compatible: true }), Ok(()), "{body}");
    }
    assert!(check_with(&saying(json!([output("x")])), Rules { compatible: true }).is_err());
}
