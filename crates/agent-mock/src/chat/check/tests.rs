//! Requests, and what the API says about them.

use serde_json::{Value, json};

use super::{check_chat, check_with};
use crate::json::with_fields;
use crate::openai::rules::Rules;

/// A request with these messages and one tool.
fn saying(messages: Value) -> Value {
    json!({"model": "m", "tools": [tool("f")], "messages": messages})
}

/// A valid request with these fields changed. `null` removes a field.
fn with(fields: Value) -> Value {
    with_fields(saying(json!([user("hi")])), fields)
}

fn user(content: impl Into<Value>) -> Value {
    json!({"role": "user", "content": content.into()})
}

fn calling(calls: Value) -> Value {
    json!({"role": "assistant", "content": null, "tool_calls": calls})
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}})
}

fn result(id: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": "ok"})
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}})
}

/// Checks each body, and compares the field and the message of the error. "" means that there is no
/// error.
fn check_all<'a>(cases: impl IntoIterator<Item = (Value, &'a str, &'a str)>) {
    for (body, param, message) in cases {
        let refused = check_chat(&body).err();
        assert!(refused.iter().all(|refusal| refusal.status == 400), "{body}");
        let got = refused.as_ref().map(|refusal| (refusal.param.as_deref().unwrap_or(""), &*refusal.message));
        assert_eq!(got.unwrap_or_default(), (param, message), "{body}");
    }
}

#[test]
fn fields() {
    let at_most = |name: &str, most: &str, got: &str| {
        format!(
            "Invalid '{name}': integer above maximum value. Expected a value <= {most}, but got {got} instead."
        )
    };
    check_all([
        (with(json!({})), "", ""),
        (json!([]), "", "The request body must be a JSON object"),
        (with(json!({"model": null})), "", "you must provide a model parameter"),
        (
            with(json!({"model": 7})),
            "model",
            "Invalid type for 'model': expected a string, but got an integer instead.",
        ),
        (with(json!({"messages": null})), "messages", "Missing required parameter: 'messages'."),
        (
            with(json!({"messages": "hi"})),
            "messages",
            "Invalid type for 'messages': expected an array, but got a string instead.",
        ),
        (
            with(json!({"messages": []})),
            "messages",
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (with(json!({"thinking": {}})), "thinking", "Unknown parameter: 'thinking'."),
        (with(json!({"max_tokens": 9, "temperature": 0.5, "seed": 7, "user": "u"})), "", ""),
        (with(json!({"temperature": 3})), "temperature", &at_most("temperature", "2", "3")),
        (with(json!({"n": 200})), "n", &at_most("n", "128", "200")),
        (
            with(json!({"max_tokens": 9, "max_completion_tokens": 9})),
            "max_tokens",
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        ),
        (with(json!({"stream": true, "stream_options": {"include_usage": true}})), "", ""),
        (
            with(json!({"stream_options": {"include_usage": true}})),
            "stream_options",
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ),
        (
            with(json!({"stream": true, "stream_options": {"usage": true}})),
            "stream_options.usage",
            "Unknown parameter: 'stream_options.usage'.",
        ),
        (
            with(json!({"reasoning_effort": "huge"})),
            "reasoning_effort",
            "Invalid value: 'huge'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'.",
        ),
    ]);
}

#[test]
fn messages_have_content_that_their_role_may_have() {
    let parts = |parts: Value| saying(json!([user(parts)]));
    let picture = |url: &str| parts(json!([{"type": "image_url", "image_url": {"url": url}}]));
    let said = |message: Value| saying(json!([message]));
    check_all([
        (said(json!({"role": "system", "content": "S", "name": "n"})), "", ""),
        (said(json!({"role": "assistant", "content": "a", "refusal": null})), "", ""),
        (
            said(json!({"role": "robot", "content": "a"})),
            "messages[0].role",
            "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'tool', and 'developer'.",
        ),
        (
            said(json!({"content": "a"})),
            "messages[0].role",
            "Missing required parameter: 'messages[0].role'.",
        ),
        (
            said(json!({"role": "user"})),
            "messages.[0].content",
            "Invalid value for 'content': expected a string, got null.",
        ),
        (
            said(json!({"role": "assistant", "content": null})),
            "messages.[0].content",
            "Invalid value for 'content': expected a string, got null.",
        ),
        (
            said(user(7)),
            "messages[0].content",
            "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer instead.",
        ),
        (
            said(json!({"role": "assistant", "content": "a", "reasoning_content": "hm"})),
            "messages[0].reasoning_content",
            "Unknown parameter: 'messages[0].reasoning_content'.",
        ),
        (
            parts(json!([])),
            "messages[0].content",
            "Invalid 'messages[0].content': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (parts(json!([{"type": "text", "text": "a"}])), "", ""),
        (
            parts(json!([{"type": "text"}])),
            "messages[0].content[0].text",
            "Missing required parameter: 'messages[0].content[0].text'.",
        ),
        (
            parts(json!([{"type": "input_text", "text": "a"}])),
            "messages[0].content[0].type",
            "Invalid value: 'input_text'. Supported values are: 'text', 'image_url', 'input_audio', and 'file'.",
        ),
        (
            said(
                json!({"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}),
            ),
            "messages[0].content[0].type",
            "Invalid value: 'image_url'. Supported values are: 'text' and 'refusal'.",
        ),
        (picture("https://host/a.png"), "", ""),
        (picture("data:image/png;base64,AA=="), "", ""),
        (
            picture("a.png"),
            "messages[0].content[0].image_url.url",
            "Invalid 'messages[0].content[0].image_url.url'. Expected a valid URL, but got a value with an invalid format.",
        ),
        (
            picture("data:image/tiff;base64,AA=="),
            "messages[0].content[0].image_url.url",
            "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg', 'gif', 'webp'].",
        ),
        (
            picture("data:image/png;base64,?"),
            "messages[0].content[0].image_url.url",
            "Invalid 'messages[0].content[0].image_url.url'. Expected a base64-encoded data URL with an image MIME type, but got a value without valid base64-encoded data.",
        ),
        (
            parts(json!([{"type": "file", "file": {"filename": "a.pdf"}}])),
            "messages[0].content[0].file.file_id",
            "Missing required parameter: 'messages[0].content[0].file.file_id'.",
        ),
    ]);
}

#[test]
fn each_call_has_one_tool_message_right_after_it() {
    let calls = |ids: &[&str]| calling(ids.iter().map(|id| call(id)).collect());
    let open = |ids: &str| {
        format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
        )
    };
    let alone = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
    check_all([
        (saying(json!([user("a"), calls(&["x", "y"]), result("y"), result("x"), user("b")])), "", ""),
        (saying(json!([user("a"), calls(&["x"]), result("x"), calls(&["x"]), result("x")])), "", ""),
        (saying(json!([user("a"), result("x")])), "messages.[1].role", alone),
        (saying(json!([calls(&["x"]), result("x"), user("b"), result("x")])), "messages.[3].role", alone),
        (saying(json!([calls(&["x"])])), "messages.[1].role", &open("x")),
        (
            saying(json!([calls(&["x", "y", "z"]), result("y"), user("b")])),
            "messages.[2].role",
            &open("x, z"),
        ),
        (saying(json!([calls(&["x"]), user("b"), result("x")])), "messages.[1].role", &open("x")),
        (
            saying(json!([calls(&["x"]), result("y")])),
            "messages.[1].tool_call_id",
            "Invalid parameter: 'tool_call_id' of 'y' not found in 'tool_calls' of previous message.",
        ),
        (
            saying(json!([calls(&["x"]), result("x"), result("x")])),
            "messages.[2].tool_call_id",
            "Invalid parameter: Duplicate value for 'tool_call_id' of 'x', in messages[1] and messages[2].",
        ),
        (
            saying(json!([calls(&["x", "x"]), result("x")])),
            "messages[0].tool_calls[1].id",
            "Invalid parameter: Duplicate value for 'id' of \"x\" in 'messages[0].tool_calls'.",
        ),
        (
            saying(json!([calling(json!([]))])),
            "messages[0].tool_calls",
            "Invalid 'messages[0].tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (
            saying(json!([calling(
                json!([{"type": "function", "function": {"name": "f", "arguments": ""}}])
            )])),
            "messages[0].tool_calls[0].id",
            "Missing required parameter: 'messages[0].tool_calls[0].id'.",
        ),
        (
            saying(json!([calls(&[""]), result("")])),
            "messages[0].tool_calls[0].id",
            "Invalid 'messages[0].tool_calls[0].id': empty string. Expected a string with minimum length 1, but got an empty string instead.",
        ),
        (
            saying(json!([calls(&[&"x".repeat(65)])])),
            "messages[0].tool_calls[0].id",
            "Invalid 'messages[0].tool_calls[0].id': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
        ),
        (
            saying(json!([calling(
                json!([{"id": "x", "type": "function", "function": {"name": "f", "arguments": {}}}])
            )])),
            "messages[0].tool_calls[0].function.arguments",
            "Invalid type for 'messages[0].tool_calls[0].function.arguments': expected a string, but got an object instead.",
        ),
        (
            saying(json!([calling(
                json!([{"id": "x", "type": "function", "function": {"name": "a.b", "arguments": ""}}])
            )])),
            "messages[0].tool_calls[0].function.name",
            "Invalid 'messages[0].tool_calls[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
        ),
    ]);
}

#[test]
fn tools_and_formats_are_valid_and_the_choice_names_one() {
    let tools = |tools: Value| with(json!({"tools": tools}));
    let choice = |choice: Value| with(json!({"tool_choice": choice}));
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    let strict = |parameters: Value| {
        tools(
            json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": parameters}}]),
        )
    };
    let format = |schema: Value| {
        with(
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}}}),
        )
    };
    let open = json!({"type": "object", "properties": {}});
    let closed = json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
    let say = "In context=(), 'additionalProperties' is required to be supplied and to be false.";
    check_all([
        (
            tools(json!([])),
            "tools",
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (tools(json!([{"type": "function", "function": {"name": "f"}}])), "", ""),
        (tools(json!([{"type": "custom", "custom": {"name": "f"}}])), "", ""),
        (
            tools(json!([{"type": "web_search"}])),
            "tools[0].type",
            "Invalid value: 'web_search'. Supported values are: 'function' and 'custom'.",
        ),
        (
            tools(json!([{"type": "function", "name": "f"}])),
            "tools[0].function",
            "Missing required parameter: 'tools[0].function'.",
        ),
        (
            tools(json!([tool("a b")])),
            "tools[0].function.name",
            "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
        ),
        (
            tools(json!([{"type": "function", "function": {"name": "f", "input_schema": {}}}])),
            "tools[0].function.input_schema",
            "Unknown parameter: 'tools[0].function.input_schema'.",
        ),
        (
            tools(json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])),
            "tools[0].function.parameters",
            "Invalid schema for function 'f': In context=(), object schema missing properties.",
        ),
        (strict(closed.clone()), "", ""),
        (
            strict(open.clone()),
            "tools[0].function.parameters",
            &format!("Invalid schema for function 'f': {say}"),
        ),
        (choice(json!("required")), "", ""),
        (choice(named("f")), "", ""),
        (
            choice(named("g")),
            "tool_choice",
            "Invalid value for 'tool_choice': no function named 'g' was specified in the 'tools' parameter.",
        ),
        (
            choice(json!("any")),
            "tool_choice",
            "Invalid value: 'any'. Supported values are: 'none', 'auto', and 'required'.",
        ),
        (
            with(json!({"tools": null, "tool_choice": "auto"})),
            "tool_choice",
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        ),
        (
            with(json!({"tools": null, "parallel_tool_calls": false})),
            "parallel_tool_calls",
            "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.",
        ),
        (format(closed), "", ""),
        (
            format(open),
            "response_format.json_schema.schema",
            &format!("Invalid schema for response_format 'n': {say}"),
        ),
        (
            with(json!({"response_format": {"type": "json_object"}})),
            "messages",
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        ),
    ]);
}

#[test]
fn a_compatible_server_ignores_what_it_does_not_know() {
    let compatible = |body: &Value| check_with(body, Rules { compatible: true });
    let thought = json!({"role": "assistant", "content": "a", "reasoning_content": "hm"});
    for body in [
        with(json!({"top_k": 3})),
        saying(json!([user("a"), thought])),
        with(json!({"tools": [{"type": "builtin"}]})),
        with(
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}),
        ),
    ] {
        assert!(check_chat(&body).is_err() && compatible(&body).is_ok(), "{body}");
    }
    assert!(compatible(&saying(json!([result("x")]))).is_err());
}
