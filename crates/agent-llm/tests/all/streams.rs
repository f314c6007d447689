//! Streams that break.

use agent_llm::{Delta, Llm, LlmErrorKind, RetryPolicy};
use futures::{StreamExt, TryStreamExt};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use wiremock::{Mock, MockServer, matchers::any};

use crate::common::{HEAD, HELLO, ask, hi, raw, server, settings, streamed};

#[tokio::test]
async fn fault_27_a_stream_that_ends_without_message_stop_is_an_error_wherever_it_ends() {
    let end = HELLO.find("event: message_stop").unwrap();
    let places =
        [0, 40, HELLO.find("Hello").unwrap(), HELLO.find("event: message_delta").unwrap(), end, end + 30];
    for place in places {
        let server = server(streamed(&HELLO[..place])).await;
        let error = ask(settings(server.uri())).await.unwrap_err();
        assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Incomplete, true), "at {place}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_an_incomplete_reply() {
    let url = raw(async |mut connection| {
        let head = HEAD.replace("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n");
        let answer = format!("{head}{:x}\r\n{}", HELLO.len(), &HELLO[..HELLO.len() / 2]);
        connection.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let error = ask(settings(url)).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Incomplete);
    assert_eq!(error.request_id.as_deref(), Some("req_1"));
}

#[tokio::test]
async fn fault_23_an_error_event_mid_stream_is_asked_again_and_what_was_shown_is_withdrawn() {
    let begun = &HELLO[..HELLO.find("event: content_block_stop").unwrap()];
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let server = MockServer::start().await;
    let broken = streamed(&format!("{begun}event: error\ndata: {error}\n\n"));
    Mock::given(any()).respond_with(broken).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(streamed(HELLO)).mount(&server).await;
    let policy = RetryPolicy::default().first_wait(Duration::from_millis(1));
    let claude = settings(server.uri()).retry(policy).build().unwrap();
    let deltas: Vec<Delta> = claude.stream(hi()).try_collect().await.unwrap();
    let seen: Vec<String> = deltas
        .iter()
        .filter_map(|delta| match delta {
            Delta::Restarted { reason } => Some(format!("withdrawn: {reason}")),
            delta => delta.text().map(|text| text.into_owned()),
        })
        .collect();
    let reason = "the model's server is overloaded: Overloaded (overloaded_error)";
    assert_eq!(seen, ["Hello", "!", &format!("withdrawn: {reason}"), "Hello", "!"]);
}

#[tokio::test]
async fn fault_28_unknown_events_blocks_and_deltas_keep_the_indices_intact() {
    let stream = r#"data: {"type":"message_start","message":{"id":"m","model":"c","usage":{}}}

data: {"type":"weather","index":"cloudy"}

data: {"type":"content_block_start","index":0,"content_block":{"type":"holo","b":1,"a":2}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"holo_delta","z":1}}

data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hi"}}

data: {"type":"message_delta","delta":{"stop_reason":"new_reason"},"usage":{"output_tokens":1}}

data: {"type":"message_stop"}

"#;
    let server = server(streamed(stream)).await;
    let reply = ask(settings(server.uri())).await.unwrap();
    let blocks: Vec<&str> = reply.content.iter().map(|block| block.json().text()).collect();
    assert_eq!(blocks, [r#"{"type":"holo","b":1,"a":2}"#, r#"{"type":"text","text":"hi"}"#]);
    assert_eq!(reply.stop_reason.as_str(), "new_reason");
}

#[tokio::test]
async fn a_reply_is_over_at_message_stop_even_if_the_server_holds_the_connection() {
    let url = raw(async |mut connection| {
        connection.write_all([HEAD, HELLO].concat().as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    ask(settings(url)).await.unwrap();
}

#[tokio::test]
async fn after_an_error_nothing_follows() {
    let server = server(streamed(&HELLO.replace("\"text_delta\",\"text\":\"!\"", "\"text_delta\""))).await;
    let claude = settings(server.uri()).build().unwrap();
    let all: Vec<_> = claude.stream(hi()).collect().await;
    let errors: Vec<bool> = all.iter().map(Result::is_err).collect();
    assert_eq!(errors, [false, false, false, false, true]);
    assert_eq!(all[4].as_ref().unwrap_err().kind, LlmErrorKind::Malformed);
}

/// An answer of chunks, one for each event, that is sent at once.
fn in_chunks(events: &str) -> String {
    let head = HEAD.replace("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = |event: &str| format!("{:x}\r\n{event}\r\n", event.len());
    head + &events.split_inclusive("\n\n").map(chunk).collect::<String>()
}

#[tokio::test]
async fn what_has_come_is_handed_on_though_the_server_falls_silent() {
    let begun = &HELLO[..HELLO.find("event: content_block_stop").unwrap()];
    let url = raw(async |mut connection| {
        connection.write_all(in_chunks(begun).as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let claude = settings(url).build().unwrap();
    let mut reply = claude.stream(hi());
    let mut text = String::new();
    while text != "Hello!" {
        text += &reply.next().await.unwrap().unwrap().text().unwrap_or_default();
    }
}

#[tokio::test]
async fn what_came_before_the_connection_broke_is_handed_on_before_the_error() {
    let begun = &HELLO[..HELLO.find("event: content_block_stop").unwrap()];
    let url = raw(async |mut connection| {
        connection.write_all(in_chunks(begun).as_bytes()).await.unwrap();
    })
    .await;
    let claude = settings(url).retry(RetryPolicy::never()).build().unwrap();
    let mut deltas: Vec<_> = claude.stream(hi()).collect().await;
    let error = deltas.pop().unwrap().unwrap_err();
    let text = deltas.iter().map(|delta| delta.as_ref().unwrap().text().unwrap_or_default());
    assert_eq!((error.kind, text.collect::<String>()), (LlmErrorKind::Incomplete, "Hello!".to_owned()));
}
