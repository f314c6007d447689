//! Servers that speak almost as chat completions are spoken.

use agent_core::{LlmError, Response, model::LlmErrorKind};

use super::{Read, stream};
use crate::openai::chat::{ChatEvents, read_reply};

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

fn read(events: &[&str]) -> Result<Response, LlmError> {
    Read::of::<ChatEvents>([stream(events).as_bytes()]).fold()
}

/// The blocks of a reply, in short, and why it ended.
fn said(reply: &Response) -> String {
    let block = |block: &agent_core::Block| match block.as_tool_use() {
        Some(call) => format!("{}{}{}", call.id, call.name, call.input.text()),
        None => block.as_text().map_or_else(|| block.json().text().to_owned(), str::to_owned),
    };
    let blocks: Vec<String> = reply.content.iter().map(block).collect();
    format!("{} {}", blocks.join(" "), reply.stop_reason.as_str())
}

/// What a reply says that has these messages or pieces of one, streamed and not.
fn check(deltas: &[&str], expected: &str) {
    let chunk = |delta: &&str| format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
    let chunks: Vec<String> = deltas.iter().map(chunk).collect();
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).chain([STOP]).collect();
    assert_eq!(said(&read(&chunks).unwrap()), expected, "{deltas:?}");
    if let [message] = deltas {
        let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":"stop"}}]}}"#);
        assert_eq!(said(&read_reply(&body).unwrap()), expected, "{message}");
    }
}

/// A piece of a reply with these calls, of which only the first field may differ.
fn calls(calls: &[(&str, &str, &str)]) -> String {
    let call = |(fields, name, arguments): &(&str, &str, &str)| {
        format!(r#"{{{fields}"function":{{"name":"{name}","arguments":{arguments}}}}}"#)
    };
    format!(r#"{{"tool_calls":[{}]}}"#, calls.iter().map(call).collect::<Vec<_>>().join(","))
}

#[test]
fn whole_calls_stay_apart_though_nothing_tells_them_apart() {
    let (x, y) = (r#""{\"x\":1}""#, r#""{\"y\":2}""#);
    // As Gemini, Ollama and others write or wrote them.
    for fields in ["", r#""index":0,"#, r#""index":0,"id":"","#, r#""index":0,"id":null,"#] {
        let (f, g) = ((fields, "f", x), (fields, "g", y));
        check(&[&calls(&[f, g])], r#"f{"x":1} g{"y":2} tool_use"#);
        check(&[&calls(&[f]), &calls(&[g])], r#"f{"x":1} g{"y":2} tool_use"#);
        check(&[&calls(&[f]), &calls(&[(fields, "f", y)])], r#"f{"x":1} f{"y":2} tool_use"#);
        check(&[&calls(&[f, f])], r#"f{"x":1} f{"x":1} tool_use"#);
        let object = (fields, "f", r#"{"x":1}"#);
        check(&[&calls(&[object, object])], r#"f{"x":1} f{"x":1} tool_use"#);
    }
    for fields in [r#""id":"a","#, r#""index":0,"id":"a","#] {
        let (f, g) = ((fields, "f", x), (fields, "f", y));
        check(&[&calls(&[f, g])], r#"af{"x":1} af{"y":2} tool_use"#);
        check(&[&calls(&[f]), &calls(&[g])], r#"af{"x":1} af{"y":2} tool_use"#);
    }
    let none = (r#""index":0,"#, "f", r#""""#);
    check(&[&calls(&[none, (r#""index":0,"#, "g", r#""""#)])], "f{} g{} tool_use");
}

#[test]
fn a_call_that_is_said_once_more_is_one_call() {
    let fields = r#""index":0,"id":"a","#;
    let begin = calls(&[(fields, "f", r#""{\"x\":""#)]);
    let rest = r#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}"#;
    let whole = calls(&[(fields, "f", r#""{\"x\":1}""#)]);
    check(&[&begin, rest, &whole], r#"af{"x":1} tool_use"#);
    check(&[&whole, &whole], r#"af{"x":1} tool_use"#);
    // With its name in each piece, and nothing else to know it by.
    let pieces = [calls(&[("", "f", r#""{\"x\":""#)]), calls(&[("", "f", r#""1}""#)])];
    check(&[&pieces[0], &pieces[1]], r#"f{"x":1} tool_use"#);
}

#[test]
fn an_empty_call_is_none() {
    for call in [
        "{}",
        r#"{"index":0}"#,
        r#"{"index":0,"id":null,"type":null,"function":null}"#,
        r#"{"index":0,"id":"","type":"function","function":{"name":"","arguments":""}}"#,
    ] {
        check(&[&format!(r#"{{"content":"hi","tool_calls":[{call}]}}"#)], "hi end_turn");
    }
    check(&[r#"{"content":"hi","function_call":{"name":"","arguments":""}}"#], "hi end_turn");
}

#[test]
fn words_are_read_whatever_shape_they_have() {
    check(&[r#"{"content":["a",{"type":"text","text":"b"}]}"#], "ab end_turn");
    check(&[r#"{"content":{"type":"text","text":"a"}}"#], "a end_turn");
    check(&[r#"{"content":[{"type":"refusal","refusal":"No."}]}"#], "No. refusal");
    let thinking = r#"{"signature":"openai:content","thinking":"hm","type":"thinking"} end_turn"#;
    check(&[r#"{"content":[{"type":"thinking","thinking":"hm"}]}"#], thinking);
    check(&[r#"{"content":[{"type":"thinking","thinking":["hm"]}]}"#], thinking);
}

#[test]
fn of_a_message_and_a_piece_of_it_one_is_read() {
    // As Perplexity writes it.
    let chunk = |delta: &str, message: &str| {
        format!(r#"{{"choices":[{{"message":{{"content":"{message}"}},"delta":{{"content":"{delta}"}}}}]}}"#)
    };
    let reply = read(&[&chunk("a", "a"), &chunk("b", "ab"), &chunk("", "ab"), STOP]).unwrap();
    assert_eq!(said(&reply), "ab end_turn");
    assert_eq!(said(&read_reply(&chunk("", "ab")).unwrap()), "ab null");
    let message = r#"{"choices":[{"message":{"content":"ab"},"delta":null}]}"#;
    assert_eq!(said(&read(&[message, STOP]).unwrap()), "ab end_turn");
}

#[test]
fn a_reply_has_one_choice_whether_it_is_numbered_or_not() {
    let choice = |word: &str| format!(r#"{{"message":{{"content":"{word}"}},"finish_reason":"{word}"}}"#);
    let body = format!(r#"{{"choices":[{},{}]}}"#, choice("stop"), choice("length"));
    assert_eq!(said(&read_reply(&body).unwrap()), "stop end_turn");
}

#[test]
fn a_stop_behind_another_reason_does_not_make_a_reply_whole() {
    let finish = |word: &str| STOP.replace("stop", word);
    let call = format!(r#"{{"choices":[{{"delta":{}}}]}}"#, calls(&[(r#""id":"a","#, "f", r#""{}""#)]));
    let ended = |words: [&str; 2]| {
        let [first, second] = words.map(finish);
        said(&read(&[&call, &first, &second, "[DONE]"]).unwrap())
    };
    assert_eq!(ended(["length", "stop"]), "af{} max_tokens");
    assert_eq!(ended(["stop", "length"]), "af{} max_tokens");
    assert_eq!(ended(["tool_calls", "stop"]), "af{} tool_use");
    assert_eq!(ended(["stop", ""]), "af{} tool_use");
}

#[test]
fn a_cost_is_found_in_the_choice_and_not_lost_to_an_empty_one() {
    let usage = r#""usage":{"prompt_tokens":5,"completion_tokens":6}"#;
    let in_choice = STOP.replace(r#""delta""#, &format!(r#"{usage},"delta""#));
    let beside = STOP.replace(r#"{"choices""#, &format!(r#"{{{usage},"choices""#));
    for last in [in_choice, beside] {
        let usage = read(&[&last, r#"{"choices":[],"usage":{}}"#, "[DONE]"]).unwrap().usage;
        assert_eq!((usage.input_tokens, usage.output_tokens), (5, 6), "{last}");
    }
}

#[test]
fn an_error_is_found_in_the_choice_and_in_a_list() {
    let error = r#"{"error":{"code":429,"message":"Too fast."}}"#;
    let in_choice = format!(r#"{{"choices":[{{"index":0,"finish_reason":"error",{}]}}"#, &error[1..]);
    for event in [in_choice, format!("[{error}]")] {
        let error = read(&[&event, STOP]).unwrap_err();
        assert_eq!((error.kind, &*error.message), (LlmErrorKind::RateLimit, "Too fast."), "{event}");
    }
    let error = read(&["[]"]).unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Malformed);
}
