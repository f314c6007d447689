//! Servers that speak almost as the Responses API is spoken.

use agent_core::{LlmError, Response, model::LlmErrorKind};
use serde_json::{Value, json};

use super::{Read, stream};
use crate::openai::responses::{ResponseEvents, read_reply};

const CREATED: &str = r#"{"type":"response.created","response":{"id":"resp_1","model":"m"}}"#;

fn read(events: &[String]) -> Result<Response, LlmError> {
    let events: Vec<&str> = [CREATED].into_iter().chain(events.iter().map(String::as_str)).collect();
    Read::of::<ResponseEvents>([stream(&events).as_bytes()]).fold()
}

/// The blocks of a reply, in short, and why it ended.
fn said(reply: &Response) -> String {
    let block = |block: &agent_core::Block| match block.as_tool_use() {
        Some(call) => format!("{}{}", call.name, call.input.text()),
        None => block.as_text().unwrap_or("*").to_owned(),
    };
    let blocks: Vec<String> = reply.content.iter().map(block).collect();
    format!("{} {}", blocks.join(" "), reply.stop_reason.as_str())
}

fn reasoning() -> Value {
    json!({"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gA"})
}

fn message() -> Value {
    json!({"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "hi"}]})
}

fn call(id: &str, x: u8) -> Value {
    json!({"id": id, "type": "function_call", "call_id": format!("c{id}"), "name": "f", "arguments": format!("{{\"x\":{x}}}")})
}

fn event(kind: &str, place: Option<u64>, mut fields: Value) -> String {
    fields["type"] = format!("response.{kind}").into();
    if let Some(place) = place {
        fields["output_index"] = place.into();
    }
    fields.to_string()
}

/// An item as it is streamed: it begins, grows and is whole.
fn item(place: Option<u64>, item: &Value) -> Vec<String> {
    let (mut begun, id) = (item.clone(), &item["id"]);
    let more = match item["type"].as_str().unwrap() {
        "message" => {
            let text = item.pointer("/content/0/text").unwrap();
            begun["content"] = json!([]);
            Some(event("output_text.delta", place, json!({"item_id": id, "content_index": 0, "delta": text})))
        }
        "function_call" => {
            begun["arguments"] = "".into();
            let delta = json!({"item_id": id, "delta": item["arguments"]});
            Some(event("function_call_arguments.delta", place, delta))
        }
        _ => None,
    };
    let begins = event("output_item.added", place, json!({"item": begun}));
    let ends = event("output_item.done", place, json!({"item": item}));
    [Some(begins), more, Some(ends)].into_iter().flatten().collect()
}

fn completed(output: &[Value]) -> String {
    json!({"type": "response.completed", "response": {"status": "completed", "output": output}}).to_string()
}

const ALL: &str = r#"* hi f{"x":1} f{"x":2} tool_use"#;

fn all() -> [Value; 4] {
    [reasoning(), message(), call("1", 1), call("2", 2)]
}

fn streamed(places: [Option<u64>; 4]) -> Vec<String> {
    all().iter().zip(places).flat_map(|(value, place)| item(place, value)).collect()
}

#[test]
fn an_item_is_read_once_wherever_it_is_said_to_stand() {
    for places in [
        [0, 1, 2, 3],
        [1, 2, 3, 4],
        [0, 2, 5, 9],
        [0, 0, 0, 0],
        [0, 0, 1, 1],
        [3, 2, 1, 0],
        [7, u64::MAX, 7, 8],
    ] {
        let begun = streamed(places.map(Some));
        for output in [&all()[..], &all()[1..], &[], &[call("2", 2), message(), call("1", 1), reasoning()]] {
            let events = [begun.clone(), vec![completed(output)]].concat();
            assert_eq!(said(&read(&events).unwrap()), ALL, "{places:?} {output:?}");
            let whole: Vec<String> = events.into_iter().filter(|event| event.contains(".done")).collect();
            let events = [whole, vec![completed(output)]].concat();
            assert_eq!(said(&read(&events).unwrap()), ALL, "{places:?} {output:?}");
        }
    }
    let events = [streamed([None; 4]), vec![completed(&all())]].concat();
    assert_eq!(said(&read(&events).unwrap()), ALL);
}

#[test]
fn words_behind_reasoning_are_read_once_though_nothing_tells_the_two_apart() {
    let thinks = event("reasoning_text.delta", Some(0), json!({"delta": "hm"}));
    let says = event("output_text.delta", Some(0), json!({"delta": "hi"}));
    let output = [
        json!({"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}),
        json!({"type": "message", "content": [{"type": "output_text", "text": "hi"}]}),
    ];
    for output in [&output[..], &[]] {
        let reply = read(&[thinks.clone(), says.clone(), completed(output)]).unwrap();
        let words = said(&reply).replace("* ", "");
        assert_eq!(words, "hi end_turn", "{output:?}");
    }
}

#[test]
fn an_item_is_read_once_though_its_id_is_another_in_each_event() {
    let renamed = |value: &str, to: &str| {
        [("rs_1", 'r'), ("msg_1", 'm'), ("\"id\":\"1\"", '1'), ("\"id\":\"2\"", '2')].into_iter().fold(
            value.to_owned(),
            |value, (from, short)| match short {
                'r' | 'm' => value.replace(from, &format!("{to}{short}")),
                _ => value.replace(from, &format!("\"id\":\"{to}{short}\"")),
            },
        )
    };
    let events = [streamed([0, 2, 3, 4].map(Some)), vec![completed(&all())]].concat();
    let events: Vec<String> =
        events.iter().enumerate().map(|(place, event)| renamed(event, &format!("{place}_"))).collect();
    assert_eq!(said(&read(&events).unwrap()), ALL);
}

#[test]
fn what_came_in_one_piece_counts_if_no_piece_of_it_came() {
    let begun = |item: Value| event("output_item.added", Some(0), json!({"item": item}));
    let mut without = call("1", 1);
    without["arguments"] = "".into();
    let arguments =
        event("function_call_arguments.done", Some(0), json!({"item_id": "1", "arguments": "{\"x\":1}"}));
    let end = || completed(&[]);
    assert_eq!(said(&read(&[begun(without), arguments, end()]).unwrap()), r#"f{"x":1} tool_use"#);
    assert_eq!(said(&read(&[begun(call("1", 1)), end()]).unwrap()), r#"f{"x":1} tool_use"#);
    let text = event("output_text.done", Some(0), json!({"item_id": "msg_1", "text": "hi"}));
    assert_eq!(said(&read(&[text.clone(), end()]).unwrap()), "hi end_turn");
    let events = [item(Some(0), &message()), vec![text, end()]].concat();
    assert_eq!(said(&read(&events).unwrap()), "hi end_turn");
}

#[test]
fn words_and_inputs_are_read_whatever_shape_they_have() {
    let check = |item: Value, expected: &str| {
        let response = json!({"status": "completed", "output": [item]});
        assert_eq!(said(&read_reply(&response.to_string()).unwrap()), expected, "{item}");
    };
    check(json!({"type": "message", "content": "hi"}), "hi end_turn");
    let part = |refusal: Value| json!({"type": "output_text", "text": "hi", "refusal": refusal});
    check(json!({"type": "message", "content": [part("".into())]}), "hi end_turn");
    check(json!({"type": "message", "content": [part(Value::Null)]}), "hi end_turn");
    let call = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": {"x": 1}});
    check(call, r#"f{"x":1} tool_use"#);
}

#[test]
fn a_reply_that_asks_for_what_nobody_can_do_is_not_the_end_of_a_turn() {
    let custom = json!({"type": "custom_tool_call", "call_id": "a", "name": "c", "input": "x"});
    let events = [event("output_item.done", Some(0), json!({"item": custom})), completed(&[])];
    let reply = read(&events).unwrap();
    assert_eq!(said(&reply), "* custom_tool_call");
    assert!(!reply.stop_reason.runs_calls());
    let both = [item(Some(1), &call("1", 1)), events.to_vec()].concat();
    assert_eq!(said(&read(&both).unwrap()), r#"f{"x":1} * tool_use"#);
}

#[test]
fn a_reply_that_is_not_whole_is_known_by_its_event_or_its_details() {
    let ended = |kind: &str, response: Value| {
        let end = json!({"type": kind, "response": response}).to_string();
        read(&[item(Some(0), &call("1", 1)), vec![end]].concat())
    };
    let cut = json!({"reason": "max_output_tokens"});
    let check = |kind: &str, response: Value, expected: &str| {
        let reply = ended(kind, response).unwrap();
        assert_eq!(reply.stop_reason.as_str(), expected);
        assert_eq!(reply.stop_reason.runs_calls(), expected == "tool_use");
    };
    check("response.incomplete", json!({}), "incomplete");
    check("response.incomplete", json!({"status": null, "incomplete_details": cut}), "max_tokens");
    check("response.completed", json!({"incomplete_details": cut}), "max_tokens");
    check("response.completed", json!({}), "tool_use");
    let failed = ended("response.failed", json!({"id": "r", "error": null})).unwrap_err();
    assert_eq!(failed.kind, LlmErrorKind::Server);
    assert_eq!(failed.message, "the reply failed, and the server did not say why");
    let error = r#"{"type":"response.error","error":{"message":"Oh."}}"#.to_owned();
    assert_eq!(read(&[error]).unwrap_err().message, "Oh.");
    assert_eq!(read(&[r#"{"type":"response.failed"}"#.to_owned()]).unwrap_err().kind, LlmErrorKind::Server);
}
