//! Whatever comes over the wire: a reply or an error, and never a panic.

use std::{sync::LazyLock, time::SystemTime};

use agent_core::{LlmError, Message, Request, Response, StopReason, model::LlmErrorKind};
use proptest::{collection::vec, prelude::*};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{
    Read, bodies,
    both::{chat_body, chat_stream, responses_body, responses_stream},
    stream,
    streams::WHOLE,
};
use crate::{
    any_input::{
        cases, cut,
        mutate::{changed, changes},
    },
    openai::{
        chat::{self, ChatEvents},
        error::by_code,
        responses::{self, ResponseEvents},
    },
    transport::{parser::ReadEvent, rate_limit::OPENAI},
};

/// Streams and bodies of both APIs.
static CORPUS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let said = ("so", "é🦀", "no", vec![r#"{"x":1}"#, "{}"], 3);
    let usage =
        json!({"prompt_tokens": 10, "input_tokens": 10, "prompt_tokens_details": {"cached_tokens": 6}});
    vec![
        chat_stream(&said, "tool_calls", &usage),
        chat_body(&said, "stop", &usage),
        responses_stream(&said, &usage),
        responses_body(&said, &usage),
        stream(WHOLE),
        stream(&[r#"{"error":{"message":"Oh.","type":"server_error","code":"rate_limit_exceeded"}}"#]),
    ]
});

/// A reply can be recorded, written, and sent back to each API.
fn is_fine(reply: &Response) {
    let written = serde_json::to_string(reply).unwrap();
    let again: Response = serde_json::from_str(&written).unwrap();
    assert_eq!(again.content, reply.content, "{written}");
    let mut request = Request::new(vec![Message::user("hi"), Message::assistant(reply.content.clone())]);
    request.messages.push(Message::user("And?"));
    for settings in [bodies::settings(), bodies::compatible()] {
        for body in [chat::write_body(&settings, &request), responses::write_body(&settings, &request)] {
            serde_json::from_slice::<IgnoredAny>(&body).unwrap();
        }
    }
}

/// What was read is a reply or an error of the server's making, however it is cut.
fn check<R: ReadEvent + Default>(bytes: &[u8], places: &[u16]) {
    let whole = Read::of::<R>([bytes]);
    assert_eq!(Read::of::<R>(cut(bytes, places)), whole);
    let read = whole.end.clone();
    match (read, whole.fold()) {
        (Ok(()), Ok(reply)) => is_fine(&reply),
        (Ok(()), Err(error)) => panic!("pieces that make no reply: {error}"),
        (Err(error), _) => drop(by_code(error)),
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn fuzz_streams_and_bodies_of_openai_are_replies_or_errors(changes in changes(), places in vec(any::<u16>(), 0..20)) {
        let corpus: Vec<&str> = CORPUS.iter().map(String::as_str).collect();
        let bytes = changed(&corpus, &changes);
        check::<ChatEvents>(&bytes, &places);
        check::<ResponseEvents>(&bytes, &places);
        let text = String::from_utf8_lossy(&bytes);
        for read in [chat::read_reply, responses::read_reply] {
            read(&text).iter().for_each(is_fine);
        }
    }

    #[test]
    fn fuzz_rate_limits_of_openai_are_read_or_not(limit in ".{0,12}", remaining in ".{0,12}", reset in "[0-9a-zµ.-]{0,12}") {
        let value = |text: &str| reqwest::header::HeaderValue::from_str(text).ok();
        let named = [("limit", &limit), ("remaining", &remaining), ("reset", &reset)];
        let headers = named.into_iter().filter_map(|(part, text)| {
            let name = format!("x-ratelimit-{part}-requests");
            Some((reqwest::header::HeaderName::try_from(name).unwrap(), value(text)?))
        });
        prop_assert!(OPENAI.read(&headers.collect(), SystemTime::UNIX_EPOCH).len() <= 1);
    }
}

#[test]
fn field_80_very_many_calls_and_items_of_openai_are_read_in_a_time_that_grows_with_them() {
    let begun = std::time::Instant::now();
    let is_soon = |reply: Result<Response, LlmError>, calls: usize| {
        let reply = reply.unwrap();
        assert_eq!((reply.tool_calls().count(), reply.stop_reason), (calls, StopReason::ToolUse));
        // It takes a second on a busy machine, and hours if each looks at all others.
        assert!(begun.elapsed() < std::time::Duration::from_secs(60));
    };
    // The first is never whole, so all others wait for it.
    let call = |place: usize| {
        let arguments = if place == 0 { "{" } else { "{}" };
        let call = json!({"index": place, "id": format!("call_{place}"), "function": {"name": "f", "arguments": arguments}});
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [call], "details": [place]}}]}).to_string()
    };
    let mut chunks: Vec<String> = (0..20_000).map(call).collect();
    chunks.push(json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}).to_string());
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    is_soon(Read::of::<ChatEvents>([stream(&chunks).as_bytes()]).fold(), 20_000);
    let item = |place: usize| {
        let item = json!({"type": "function_call", "id": format!("fc_{place}"), "call_id": format!("call_{place}"), "name": "f", "arguments": "{}"});
        json!({"type": "response.output_item.done", "output_index": place, "item": item}).to_string()
    };
    let mut events: Vec<String> = (0..20_000).map(item).collect();
    events.push(json!({"type": "response.completed", "response": {"status": "completed"}}).to_string());
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    is_soon(Read::of::<ResponseEvents>([stream(&events).as_bytes()]).fold(), 20_000);
    let error = Read::of::<ResponseEvents>([stream(&events[..10]).as_bytes()]).fold().unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Incomplete);
}
