//! The same reply streamed and not, and cut anywhere, is the same.

use agent_core::Response;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{Read, stream, streams::WHOLE};
use crate::{
    any_input::{cases, cut},
    openai::{
        chat::{self, ChatEvents},
        responses::{self, ResponseEvents},
    },
};

fn text() -> impl Strategy<Value = &'static str> {
    select(vec!["", "hi", "é🦀\"\\\n", " ", "{\"a\":1}"])
}

/// A text in pieces of so many characters.
fn pieces(text: &str, each: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(each).map(|piece| piece.iter().collect()).collect()
}

/// Reasoning, words, a refusal, and the arguments of calls; and how many characters a piece has.
pub(super) type Said = (&'static str, &'static str, &'static str, Vec<&'static str>, usize);

fn said() -> impl Strategy<Value = Said> {
    let arguments = select(vec!["", "{}", r#"{"x":"}{"}"#, r#"{"é":[1,{"y":"\"🦀"}]}"#, "{\"cut", "[1]"]);
    (text(), text(), text(), vec(arguments, 0..4), 1..9_usize)
}

fn call(number: usize, arguments: &str) -> Value {
    json!({"id": format!("call_{number}"), "type": "function", "function": {"name": "f", "arguments": arguments}})
}

fn chat_chunk(delta: Value, finish: Value) -> String {
    json!({"id": "c", "model": "m", "created": 7,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    .to_string()
}

pub(super) fn chat_stream(said: &Said, finish: &str, usage: &Value) -> String {
    let (reasoning, words, refusal, calls, each) = said;
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    for (field, text) in [("reasoning_content", reasoning), ("content", words), ("refusal", refusal)] {
        deltas.extend(pieces(text, *each).into_iter().map(|piece| json!({field: piece})));
    }
    for (number, arguments) in calls.iter().enumerate() {
        let mut first = call(number, "");
        first["index"] = number.into();
        deltas.push(json!({"tool_calls": [first]}));
        let more = |piece| json!({"tool_calls": [{"index": number, "function": {"arguments": piece}}]});
        deltas.extend(pieces(arguments, *each).into_iter().map(more));
    }
    let mut chunks: Vec<String> = deltas.into_iter().map(|delta| chat_chunk(delta, Value::Null)).collect();
    chunks.push(chat_chunk(json!({}), finish.into()));
    chunks.push(json!({"id": "c", "model": "m", "created": 7, "choices": [], "usage": usage}).to_string());
    chunks.push("[DONE]".to_owned());
    stream(&chunks.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(super) fn chat_body(said: &Said, finish: &str, usage: &Value) -> String {
    let (reasoning, words, refusal, calls, _) = said;
    let calls: Vec<Value> = calls.iter().enumerate().map(|(number, text)| call(number, text)).collect();
    let message = json!({"role": "assistant", "reasoning_content": reasoning, "content": words, "refusal": refusal,
        "tool_calls": calls});
    json!({"id": "c", "model": "m", "created": 7, "usage": usage,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}]})
    .to_string()
}

/// The items of a reply, each with the events before it is whole.
fn items(said: &Said) -> Vec<(Value, Vec<Value>)> {
    let (reasoning, words, refusal, calls, each) = said;
    let summary =
        json!([{"type": "summary_text", "text": reasoning}, {"type": "summary_text", "text": words}]);
    let thought = |(place, text): (usize, &&str)| {
        let of = |piece| json!({"type": "response.reasoning_summary_text.delta", "summary_index": place, "delta": piece});
        pieces(text, *each).into_iter().map(of).collect::<Vec<_>>()
    };
    let reasoned = [reasoning, words].into_iter().enumerate().flat_map(thought).collect();
    let mut items = vec![(
        json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "gA", "summary": summary}),
        reasoned,
    )];
    let parts = json!([{"type": "output_text", "text": words, "annotations": [{"z": 1}]}, {"type": "refusal", "refusal": refusal}]);
    let of = |kind: &str, place: usize, text: &str| {
        let of = |piece| json!({"type": kind, "content_index": place, "delta": piece});
        pieces(text, *each).into_iter().map(of).collect::<Vec<_>>()
    };
    let mut message = json!({"type": "message", "phase": "commentary", "content": [parts[0]]});
    let mut spoken = of("response.output_text.delta", 0, words);
    if !refusal.is_empty() {
        message["content"] = parts;
        spoken.extend(of("response.refusal.delta", 1, refusal));
    }
    items.push((message, spoken));
    for (number, arguments) in calls.iter().enumerate() {
        let item = json!({"type": "function_call", "call_id": format!("call_{number}"), "name": "f", "arguments": arguments});
        items.push((item, of("response.function_call_arguments.delta", 0, arguments)));
    }
    items
}

fn response(output: &[Value], usage: &Value) -> Value {
    json!({"id": "resp_1", "model": "m", "created_at": 7, "status": "completed", "output": output, "usage": usage})
}

pub(super) fn responses_stream(said: &Said, usage: &Value) -> String {
    let mut events = vec![json!({"type": "response.created", "response": {"id": "resp_1", "model": "m"}})];
    let items = items(said);
    for (place, (item, pieces)) in items.iter().enumerate() {
        let mut begun = item.clone();
        if begun.get("arguments").is_some() {
            begun["arguments"] = "".into();
        }
        events.push(json!({"type": "response.output_item.added", "output_index": place, "item": begun}));
        for piece in pieces {
            let mut piece = piece.clone();
            piece["output_index"] = place.into();
            events.push(piece);
        }
        events.push(json!({"type": "response.output_item.done", "output_index": place, "item": item}));
    }
    let output: Vec<Value> = items.into_iter().map(|(item, _)| item).collect();
    events.push(json!({"type": "response.completed", "response": response(&output, usage)}));
    let events: Vec<String> = events.iter().map(Value::to_string).collect();
    stream(&events.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(super) fn responses_body(said: &Said, usage: &Value) -> String {
    let output: Vec<Value> = items(said).into_iter().map(|(item, _)| item).collect();
    response(&output, usage).to_string()
}

/// What is read of a reply; a call that is no JSON may be read differently in no way.
fn same(streamed: Response, unary: Response) -> Result<(), TestCaseError> {
    prop_assert_eq!(streamed, unary);
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn field_57_a_reply_of_openai_is_the_same_streamed_and_not_wherever_it_is_cut(
        said in said(),
        finish in select(vec!["stop", "tool_calls", "length", "content_filter", "odd"]),
        places in vec(any::<u16>(), 0..40),
    ) {
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 4, "input_tokens": 10, "output_tokens": 4});
        let streamed = chat_stream(&said, finish, &usage);
        let chat = Read::of::<ChatEvents>(cut(streamed.as_bytes(), &places)).fold().unwrap();
        same(chat, chat::read_reply(&chat_body(&said, finish, &usage)).unwrap())?;
        let streamed = responses_stream(&said, &usage);
        let responses = Read::of::<ResponseEvents>(cut(streamed.as_bytes(), &places)).fold().unwrap();
        same(responses, responses::read_reply(&responses_body(&said, &usage)).unwrap())?;
    }
}

#[test]
fn fault_26_a_stream_of_openai_cut_at_any_place_with_any_line_ends_says_the_same() {
    let said = ("so", "é🦀", "", vec![r#"{"x":1}"#, "{}"], 3);
    let usage = json!({"prompt_tokens": 1});
    check_cuts::<ChatEvents>(&chat_stream(&said, "tool_calls", &usage));
    check_cuts::<ResponseEvents>(&responses_stream(&said, &usage));
    check_cuts::<ResponseEvents>(&stream(WHOLE));
}

fn check_cuts<R: crate::transport::parser::ReadEvent + Default>(stream: &str) {
    let whole = Read::of::<R>([stream.as_bytes()]);
    assert_eq!(whole.end, Ok(()));
    for end in ["\n", "\r\n", "\r"] {
        let stream = format!(": a comment\n\n{stream}").replace("data: ", "data:").replace('\n', end);
        assert_eq!(Read::of::<R>(stream.as_bytes().chunks(1)), whole, "{end:?}");
        for place in (0..stream.len()).step_by(7) {
            let (head, tail) = stream.as_bytes().split_at(place);
            assert_eq!(Read::of::<R>([head, tail]), whole, "{end:?}, cut at {place}");
        }
    }
}

#[test]
fn a_stream_of_openai_that_ends_anywhere_is_whole_or_an_error() {
    let said = ("so", "hi", "", vec![r#"{"x":1}"#], 2);
    let stream = chat_stream(&said, "tool_calls", &json!({"prompt_tokens": 1}));
    let whole = Read::of::<ChatEvents>([stream.as_bytes()]).fold().unwrap();
    let ends = stream.find("\"finish_reason\":\"tool_calls\"").unwrap();
    for place in 0..stream.len() {
        match Read::of::<ChatEvents>([&stream.as_bytes()[..place]]).fold() {
            Ok(reply) => assert!(place > ends && reply.content == whole.content, "{place}"),
            Err(error) => {
                assert_eq!(error.kind, agent_core::model::LlmErrorKind::Incomplete, "{place}: {error}")
            }
        }
    }
}
