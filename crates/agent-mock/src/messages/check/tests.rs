//! Requests, and what the API says about them.

use serde_json::{Value, json};

use super::{Rules, check, check_with};
use crate::json::with_fields;

/// A request with these messages and one tool.
fn saying(messages: Value) -> Value {
    let tool = json!({"name": "f", "input_schema": {"type": "object"}});
    json!({"model": "m", "max_tokens": 10, "tools": [tool], "messages": messages})
}

/// A valid request with these fields changed. `null` removes a field.
fn with(fields: Value) -> Value {
    with_fields(saying(json!([user("hi")])), fields)
}

fn user(content: impl Into<Value>) -> Value {
    json!({"role": "user", "content": content.into()})
}

fn assistant(content: impl Into<Value>) -> Value {
    json!({"role": "assistant", "content": content.into()})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn call(id: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "f", "input": {}})
}

fn result(id: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": "ok"})
}

fn tool(name: &str) -> Value {
    json!({"name": name, "input_schema": {"type": "object"}})
}

/// Checks each body, and compares the error message. "" means that there is no error.
fn check_all<'a>(cases: impl IntoIterator<Item = (Value, &'a str)>) {
    for (body, expected) in cases {
        let refused = check(&body).err();
        assert!(refused.iter().all(|refusal| refusal.status == 400), "{body}");
        assert_eq!(refused.map(|refusal| refusal.message).unwrap_or_default(), expected, "{body}");
    }
}

#[test]
fn fields() {
    let marked = |count: usize| -> Vec<Value> {
        let block = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
        vec![block; count]
    };
    let thinking = |budget: u64| json!({"type": "enabled", "budget_tokens": budget});
    check_all([
        (with(json!({})), ""),
        (json!([]), "The request body must be a JSON object"),
        (with(json!({"model": null})), "model: Field required"),
        (with(json!({"model": ""})), "model: String should have at least 1 character"),
        (with(json!({"model": 7})), "model: Input should be a valid string"),
        (with(json!({"max_tokens": null})), "max_tokens: Field required"),
        (with(json!({"max_tokens": 0})), ""),
        (with(json!({"max_tokens": -1})), "max_tokens: Input should be greater than or equal to 0"),
        (with(json!({"max_tokens": 1.5})), "max_tokens: Input should be a valid integer"),
        (with(json!({"max_tokens": "9"})), "max_tokens: Input should be a valid integer"),
        (with(json!({"stream": "yes"})), "stream: Input should be a valid boolean"),
        (with(json!({"temperature": 1})), "temperature: Extra inputs are not permitted"),
        (with(json!({"top_p": 1})), "top_p: Extra inputs are not permitted"),
        (with(json!({"top_k": 1})), "top_k: Extra inputs are not permitted"),
        (with(json!({"system": "S"})), ""),
        (with(json!({"system": [text("S")]})), ""),
        (with(json!({"system": 7})), "system: Input should be a valid string or a valid list"),
        (with(json!({"system": [text("")]})), "system.0: text content blocks must be non-empty"),
        (with(json!({"system": [{"type": "image"}]})), "system.0.type: Input should be 'text'"),
        (with(json!({"anything_new": {"x": 1}})), ""),
        (with(json!({"system": marked(4)})), ""),
        (
            with(json!({"system": marked(4), "cache_control": {"type": "ephemeral"}})),
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
        (
            with(json!({"system": marked(3), "messages": [user(marked(2))]})),
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
        (with(json!({"thinking": thinking(1024), "max_tokens": 1025})), ""),
        (
            with(json!({"thinking": thinking(1024), "max_tokens": 1024})),
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        (
            with(json!({"thinking": thinking(1), "max_tokens": 1024})),
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            with(json!({"thinking": thinking(1024), "max_tokens": 2000, "tool_choice": {"type": "any"}})),
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
    ]);
}

#[test]
fn context_management() {
    let edits = |edits: Value| with(json!({"context_management": {"edits": edits}}));
    let tokens = |value: Value| json!({"type": "input_tokens", "value": value});
    let thinking = json!({"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 2}});
    let compact = json!({"type": "compact_20260112", "trigger": tokens(json!(150_000))});
    let clear = json!({"type": "clear_tool_uses_20250919", "keep": {"type": "tool_uses", "value": 3}});
    check_all([
        (with(json!({"context_management": {}})), ""),
        (edits(json!([thinking, clear, compact])), ""),
        (edits(json!([{"type": "clear_thinking_20251015", "keep": "all"}])), ""),
        (with(json!({"context_management": []})), "context_management: Input should be an object"),
        (edits(json!({})), "context_management.edits: Input should be a valid list"),
        (
            edits(json!([{"type": "forget"}])),
            "context_management.edits.0: Input tag found using 'type' does not match any of the expected tags: \
             'clear_tool_uses_20250919', 'clear_thinking_20251015', 'compact_20260112'",
        ),
        (
            edits(json!([clear, thinking])),
            "context_management.edits.1: `clear_thinking_20251015` must be the first edit",
        ),
        (
            edits(json!([{"type": "compact_20260112", "trigger": {"type": "tool_uses", "value": 1}}])),
            "context_management.edits.0.trigger.type: Input should be 'input_tokens'",
        ),
        (
            edits(json!([{"type": "clear_tool_uses_20250919", "clear_at_least": tokens(json!("many"))}])),
            "context_management.edits.0.clear_at_least.value: Input should be a valid integer",
        ),
        (
            with(json!({"context_management": {}, "compaction": {}})),
            "compaction: cannot be combined with `context_management`",
        ),
    ]);
}

#[test]
fn messages() {
    let empty = "all messages must have non-empty content except for the optional final assistant message";
    check_all([
        (with(json!({"messages": null})), "messages: Field required"),
        (with(json!({"messages": "nope"})), "messages: Input should be a valid list"),
        (saying(json!([])), "messages: at least one message is required"),
        (saying(json!(["hi"])), "messages.0: Input should be an object"),
        (saying(json!([{"content": "hi"}])), "messages.0.role: Field required"),
        (
            saying(json!([{"role": "tool", "content": "hi"}])),
            "messages.0.role: Input should be 'user', 'assistant' or 'system'",
        ),
        (saying(json!([{"role": "user"}])), "messages.0.content: Field required"),
        (saying(json!([user(7)])), "messages.0.content: Input should be a valid string or a valid list"),
        (saying(json!([assistant("hi")])), "messages: first message must use the \"user\" role"),
        (saying(json!([{"role": "system", "content": "S"}, user("hi")])), ""),
        (saying(json!([user("hi"), user("there"), assistant("a"), assistant("b")])), ""),
        (saying(json!([user("")])), &format!("messages.0: {empty}")),
        (saying(json!([user(json!([]))])), &format!("messages.0: {empty}")),
        (saying(json!([user("hi"), assistant("")])), ""),
        (saying(json!([user("hi"), assistant(""), user("ho")])), &format!("messages.1: {empty}")),
        (saying(json!([user(" \n")])), "messages: text content blocks must contain non-whitespace text"),
        (
            saying(json!([user("hi"), assistant("so ")])),
            "messages: final assistant content cannot end with trailing whitespace",
        ),
        (
            saying(json!([user("hi"), assistant(json!([text("so\n")]))])),
            "messages: final assistant content cannot end with trailing whitespace",
        ),
    ]);
}

#[test]
fn blocks() {
    let first = |block: Value| saying(json!([user(json!([block]))]));
    let second = |block: Value| saying(json!([user("hi"), assistant(json!([block]))]));
    let thinking = |signature: Value| json!({"type": "thinking", "thinking": "", "signature": signature});
    let mut silent = result("a");
    (silent["is_error"], silent["content"]) = (json!(true), json!(""));
    check_all([
        (first(json!("hi")), "messages.0.content.0: Input should be an object"),
        (first(json!({"text": "hi"})), "messages.0.content.0.type: Field required"),
        (first(json!({"type": "text"})), "messages.0.content.0.text.text: Field required"),
        (
            first(json!({"type": "text", "text": 7})),
            "messages.0.content.0.text.text: Input should be a valid string",
        ),
        (first(text("")), "messages.0.content.0: text content blocks must be non-empty"),
        (first(text(" ")), "messages.0.content.0: text content blocks must contain non-whitespace text"),
        (
            first(json!({"type": "text", "text": "", "cache_control": {"type": "ephemeral"}})),
            "messages.0.content.0: cache_control cannot be set for empty text blocks",
        ),
        (
            first(json!({"type": "text", "text": "hi", "citations": []})),
            "messages.0.content.0.text.citations: Extra inputs are not permitted",
        ),
        (first(json!({"type": "holo_deck"})), ""),
        (first(call("a")), "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages"),
        (second(result("a")), "messages.1.content.0: `tool_result` blocks can only be in `user` messages"),
        (
            second(call("a b")),
            "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        ),
        (
            second(json!({"type": "tool_use", "id": "a"})),
            "messages.1.content.0.tool_use.name: Field required",
        ),
        (
            second(json!({"type": "tool_use", "id": "a", "name": "f"})),
            "messages.1.content.0.tool_use.input: Field required",
        ),
        (
            second(json!({"type": "tool_use", "id": "a", "name": "f", "input": "{}"})),
            "messages.1.content.0.tool_use.input: Input should be an object",
        ),
        (
            first(json!({"type": "tool_result"})),
            "messages.0.content.0.tool_result.tool_use_id: Field required",
        ),
        (
            first(json!({
                "type": "tool_result", "tool_use_id": "a", "is_error": true,
                "content": [{"type": "text", "text": "no"}, {"type": "image", "source": {}}]
            })),
            "messages.0.content.0.tool_result: all content must be type \"text\" if \"is_error\" is true",
        ),
        (first(silent), "messages.0.content.0.tool_result: content cannot be empty if `is_error` is true"),
        (second(thinking(json!("c2ln"))), ""),
        (second(thinking(Value::Null)), "messages.1.content.0.thinking.signature: Field required"),
        (
            second(thinking(json!(""))),
            "messages.1.content.0.thinking: Invalid `signature` in `thinking` block",
        ),
        (
            second(json!({"type": "document"})),
            "messages.1.content.0: `document` blocks are not permitted in `assistant` messages",
        ),
    ]);
}

#[test]
fn pairing() {
    let asked = || vec![user("hi"), assistant(json!([text("so"), call("a"), call("b")]))];
    let then = |messages: Value| {
        let mut all = asked();
        all.extend(messages.as_array().unwrap().clone());
        saying(all.into())
    };
    let missing = |ids: &str| {
        format!(
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. Each \
             `tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    };
    let stray = |at: usize, id: &str| {
        format!(
            "messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block \
             must have a corresponding `tool_use` block in the previous message."
        )
    };
    let first = "messages.2: `tool_result` blocks must come first in the content of the user message";
    let (a, b) = (result("a"), result("b"));
    check_all([
        (then(json!([user(json!([a, b]))])), ""),
        (then(json!([user(json!([b, a, text("and")]))])), ""),
        (then(json!([user(json!([a])), user(json!([b]))])), ""),
        (then(json!([{"role": "system", "content": "S"}, user(json!([a, b]))])), ""),
        (
            saying(json!([
                user("hi"),
                assistant(json!([call("a")])),
                assistant(json!([call("b")])),
                user(json!([a, b]))
            ])),
            "",
        ),
        (then(json!([])), &missing("a, b")),
        (then(json!([user("never mind")])), &missing("a, b")),
        (then(json!([user(json!([a]))])), &missing("b")),
        (then(json!([user(json!([a])), assistant("so"), user(json!([b]))])), &missing("b")),
        (then(json!([user(json!([a, b, result("c")]))])), &stray(2, "c")),
        (then(json!([user(json!([a, b])), assistant("so"), user(json!([a]))])), &stray(4, "a")),
        (saying(json!([user(json!([a]))])), &stray(0, "a")),
        (
            then(json!([user(json!([a, b, a]))])),
            "messages.2: each tool_use must have a single result. Found multiple `tool_result` blocks with id: a",
        ),
        (then(json!([user(json!([text("here"), a, b]))])), first),
        (then(json!([user("here"), user(json!([a, b]))])), first),
        (then(json!([user(json!([a, text("and"), b]))])), first),
        (
            then(json!([user(json!([a, b])), assistant(json!([call("a")])), user(json!([a]))])),
            "messages.3.content.0: `tool_use` ids must be unique",
        ),
    ]);
}

#[test]
fn tools() {
    let paired = json!([user("hi"), assistant(json!([call("a")])), user(json!([result("a")]))]);
    let pattern = "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
    check_all([
        (with(json!({"tools": {}})), "tools: Input should be a valid list"),
        (with(json!({"tools": [tool("f"), tool("f")]})), "tools: Tool names must be unique."),
        (with(json!({"tools": [tool("f"), {"type": "bash_20250124", "name": "bash"}]})), ""),
        (
            with(json!({"tools": [{"input_schema": {"type": "object"}}]})),
            "tools.0.custom.name: Field required",
        ),
        (with(json!({"tools": [tool(&"x".repeat(128))]})), ""),
        (with(json!({"tools": [tool(&"x".repeat(129))]})), pattern),
        (with(json!({"tools": [tool("")]})), pattern),
        (with(json!({"tools": [tool("a.b")]})), pattern),
        (with(json!({"tools": [{"name": "f"}]})), "tools.0.custom.input_schema: Field required"),
        (
            with(json!({"tools": [{"name": "f", "input_schema": {}}]})),
            "tools.0.custom.input_schema.type: Field required",
        ),
        (with(json!({"tool_choice": {"type": "any"}})), ""),
        (with(json!({"tool_choice": {"type": "tool", "name": "f"}})), ""),
        (with(json!({"tool_choice": {"type": "tool", "name": "g"}})), "Tool 'g' not found in provided tools"),
        (
            with(json!({"tool_choice": {"type": "all"}})),
            "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'",
        ),
        (
            with(json!({"tool_choice": {"type": "auto"}, "tools": null})),
            "tool_choice may only be specified while providing tools.",
        ),
        (with(json!({"messages": paired})), ""),
        (
            with(json!({"messages": paired, "tools": null})),
            "Requests which include `tool_use` or `tool_result` blocks must define tools",
        ),
    ]);
}

#[test]
fn an_old_version_takes_sampling_parameters_and_a_count_needs_no_max_tokens() {
    let old = Rules { old: true, ..Rules::default() };
    assert!(check_with(&with(json!({"temperature": 1})), old).is_ok());
    let counting = Rules { counting: true, ..Rules::default() };
    assert!(check_with(&with(json!({"max_tokens": null})), counting).is_ok());
}

#[test]
fn field_55_input_schemas_that_the_api_refuses_are_refused() {
    let tools = |schema: Value| with(json!({"tools": [tool("f"), {"name": "g", "input_schema": schema}]}));
    let object = |name: &str, value: Value| tools(json!({"type": "object", name: value}));
    let at = "tools.1.custom.input_schema";
    let composed = format!("{at}: input_schema does not support oneOf, allOf, or anyOf at the top level");
    let keys = format!("{at}.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'");
    let invalid = format!(
        "{at}: JSON schema is invalid. It must match JSON Schema draft 2020-12 \
         (https://json-schema.org/draft/2020-12). Learn more about tool use at \
         https://docs.claude.com/en/docs/tool-use."
    );
    let is_object = format!("{at}.type: Input should be 'object'");
    let list = json!([{"type": "object"}]);
    let composed = ["oneOf", "anyOf", "allOf"].map(|name| (object(name, list.clone()), composed.as_str()));
    check_all(composed);
    check_all([
        (tools(json!("object")), format!("{at}: Input should be an object").as_str()),
        (tools(json!({"properties": {}})), format!("{at}.type: Field required").as_str()),
        (tools(json!({"type": "strng"})), &is_object),
        (tools(json!({"type": ["object"]})), &is_object),
        (object("properties", json!({"a b": {}})), &keys),
        (object("properties", json!({"x".repeat(65): {}})), &keys),
        (object("properties", json!({"x.y-z_1": {"anyOf": [{"type": "null"}, true]}})), ""),
        (object("properties", json!({"a": {"type": "strng"}})), &invalid),
        (object("properties", json!({"a": {"items": {"type": ["string", "string"]}}})), &invalid),
        (object("properties", json!({"a": {"items": {"type": ["string", "null"]}}})), ""),
        (object("properties", json!({"a": "string"})), &invalid),
        (object("properties", json!([])), &invalid),
        (object("properties", json!({"a": {"items": [{"type": "string"}]}})), &invalid),
        (object("$defs", json!({"A": {"oneOf": [{"type": "any"}]}})), &invalid),
        (object("required", json!(true)), &invalid),
        (object("properties", json!({"type": {"type": "string"}, "required": {"type": "boolean"}})), ""),
    ]);
}

#[test]
fn field_56_a_marker_of_an_hour_after_one_of_five_minutes_is_refused() {
    let marked = |text: &str, ttl: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}});
    let short = json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}});
    let tool = |ttl: &str| {
        let mut tool = tool("f");
        tool["cache_control"] = json!({"type": "ephemeral", "ttl": ttl});
        tool
    };
    let refused = |at: &str| {
        format!(
            "{at}cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control \
             block. Note that blocks are processed in the following order: `tools`, `system`, `messages`."
        )
    };
    let said = |block: Value| json!([user(json!([text("x"), block]))]);
    let inner = json!({"type": "tool_result", "tool_use_id": "a", "content": [marked("1", "1h")]});
    let paired = json!([user("go"), assistant(json!([call("a")])), user(json!([inner]))]);
    check_all([
        (with(json!({"system": [short], "messages": said(marked("b", "5m"))})), ""),
        (with(json!({"system": [marked("a", "1h")], "messages": said(short.clone())})), ""),
        (
            with(json!({"system": [short], "messages": said(marked("b", "1h"))})),
            refused("messages.0.content.1.").as_str(),
        ),
        (with(json!({"tools": [tool("5m")], "system": [marked("a", "1h")]})), &refused("system.0.")),
        (with(json!({"tools": [tool("1h")], "system": [short.clone()]})), ""),
        (with(json!({"system": [short, marked("b", "1h")]})), &refused("system.1.")),
        (with(json!({"system": [short], "messages": paired})), &refused("messages.2.content.0.content.0.")),
        (with(json!({"system": [short], "cache_control": {"type": "ephemeral", "ttl": "1h"}})), &refused("")),
        (
            with(json!({"system": [marked("a", "2h")]})),
            "system.0.cache_control.ttl: Input should be '5m' or '1h'",
        ),
    ]);
}

#[test]
fn field_44_pictures_and_documents_over_the_apis_bounds_are_refused() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let image = |data: String| json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}});
    let png = |side: u32| {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend([side, 1].map(u32::to_be_bytes).concat());
        image(STANDARD.encode(file))
    };
    let pdf = |pages: usize| {
        let file = format!("%PDF <</Type /Pages>>{}", "<</Type/Page>>".repeat(pages));
        let source =
            json!({"type": "base64", "media_type": "application/pdf", "data": STANDARD.encode(file)});
        json!({"type": "document", "source": source})
    };
    let said = |blocks: Vec<Value>| saying(json!([user(blocks)]));
    let brought = |blocks: Vec<Value>| {
        let result = json!({"type": "tool_result", "tool_use_id": "a", "content": blocks});
        saying(json!([user("go"), assistant(json!([call("a")])), user(json!([result]))]))
    };
    let (first, inner) = ("messages.0.content.1", "messages.2.content.0.tool_result.content.0");
    let heavy = |at: &str| {
        format!("{at}.image.source.base64: image exceeds 5 MB maximum: 5242881 bytes > 5242880 bytes")
    };
    let wide = |at: &str, most: &str| {
        format!(
            "{at}.image.source.base64.data: At least one of the image dimensions exceed max allowed size{most} pixels"
        )
    };
    check_all([
        (said(vec![text("see"), image("A".repeat(5_242_880)), png(8_000), pdf(100)]), ""),
        (said(vec![text("see"), image("A".repeat(5_242_881))]), heavy(first).as_str()),
        (brought(vec![image("A".repeat(5_242_881))]), &heavy(inner)),
        (said(vec![text("see"), png(8_001)]), &wide(first, ": 8000")),
        (brought(vec![png(8_001)]), &wide(inner, ": 8000")),
        (said(vec![png(2_001); 20]), ""),
        (said(vec![png(2_000); 21]), ""),
        (said(vec![png(2_001); 21]), &wide("messages.0.content.0", " for many-image requests: 2000")),
        (said([vec![png(1); 99], vec![pdf(1)]].concat()), ""),
        (
            brought([vec![png(1); 99], vec![pdf(1); 2]].concat()),
            "too many images and documents: 99 + 2 > 100",
        ),
        (
            said(vec![text("see"), pdf(101)]),
            "messages.0.content.1.pdf.source.base64.data: A maximum of 100 PDF pages may be provided.",
        ),
        (said(vec![json!({"type": "image", "source": {"type": "url", "url": "https://x.test"}})]), ""),
    ]);
}

#[test]
fn field_44_pictures_of_another_kind_than_they_say_are_refused() {
    let image = |kind: &str, data: &str| json!({"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}});
    let said = |block: Value| saying(json!([user(json!([block]))]));
    // The head of a PNG.
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAAA=";
    let at = "messages.0.content.0.image.source.base64";
    let other = format!(
        "{at}: The image was specified using the image/jpeg media type, but the image appears to be a image/png image"
    );
    let unknown =
        format!("{at}.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'");
    check_all([
        (said(image("image/png", png)), ""),
        (said(image("image/jpeg", "AAAA")), ""),
        (said(image("image/jpeg", png)), other.as_str()),
        (said(image("image/bmp", "Qk0=")), &unknown),
        (said(json!({"type": "image", "source": {"type": "base64", "data": png}})), &unknown),
    ]);
}

#[test]
fn field_44_pictures_and_files_have_tokens() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let check = |block: Value, tokens: usize| {
        let body = saying(json!([user(json!([block]))]));
        let message = |most: usize| super::check_length(&body, most).err().map(|refusal| refusal.message);
        let empty = message(0).unwrap();
        let has: usize = empty.split(' ').nth(4).unwrap().parse().unwrap();
        assert_eq!((has, message(has)), (tokens, None), "{empty}");
    };
    let base64 = |kind: &str, media_type: &str, file: &[u8]| json!({"type": kind, "source": {"type": "base64", "media_type": media_type, "data": STANDARD.encode(file)}});
    let png = |side: u32| {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        file.extend([side, side].map(u32::to_be_bytes).concat());
        base64("image", "image/png", &file)
    };
    let pdf = |pages: usize| base64("document", "application/pdf", "<</Type/Page>>".repeat(pages).as_bytes());
    // The names of the fields count too.
    let (image, document) = (4, 5);
    check(text("abcdefgh"), 4 + 2);
    check(png(300), image + 120);
    check(png(4_000), image + 1_600);
    check(json!({"type": "image", "source": {"type": "url", "url": "https://x.test"}}), image + 1_600);
    check(pdf(3), document + 4_800);
    check(json!({"type": "document", "source": {"type": "file", "file_id": "f"}}), document + 1_600);
    let words = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "w".repeat(400)}});
    check(words, document + 4 + 100);
}
