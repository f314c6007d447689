//! Faults, as the client sees them on the wire.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use agent_core::{Block, Usage, script::Reply};
use agent_mock::{Answer, Fault, Mock, Scenario};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_millis(20);

fn reply() -> Reply {
    Reply::text("one two").usage(Usage::new(3, 4))
}

async fn server(fault: Fault) -> Mock {
    Mock::start(Scenario::new([reply()]).fault(0, [fault])).await.unwrap()
}

/// Sends a request on a new connection.
async fn ask(server: &Mock, said: &str, stream: bool) -> TcpStream {
    let body = json!({"model": "m", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": said}]});
    let body = body.to_string();
    let mut connection = TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap();
    let head =
        "POST /v1/messages HTTP/1.1\r\nhost: mock\r\nx-api-key: any\r\nanthropic-version: 2026-10-21\r\n";
    let request = format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// Everything until the connection is closed, without the date.
async fn rest(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("date: "));
    lines.collect::<String>().replace("\r\n", "\n")
}

async fn wire(fault: Fault, stream: bool) -> String {
    let server = server(fault).await;
    rest(&mut ask(&server, "Hi.", stream).await).await
}

/// Reads until `enough` says that it has read enough.
async fn read(connection: &mut TcpStream, enough: impl Fn(&str) -> bool) -> String {
    let mut bytes = Vec::new();
    loop {
        let said = String::from_utf8_lossy(&bytes);
        if enough(&said) {
            return said.into_owned();
        }
        assert!(connection.read_buf(&mut bytes).await.unwrap() > 0, "it is open");
    }
}

#[tokio::test]
async fn any_status_headers_and_body() {
    insta::assert_snapshot!(wire(Fault::status(529), true).await, @r#"
    HTTP/1.1 529 <none>
    content-type: application/json
    request-id: req_mock_1
    connection: close
    content-length: 101

    {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_mock_1"}
    "#);
    let page = Answer::new(502).header("content-type", "text/html").body("<html>Bad gateway</html>");
    insta::assert_snapshot!(wire(Fault::answer(page), true).await, @"
    HTTP/1.1 502 Bad Gateway
    content-type: text/html
    request-id: req_mock_1
    connection: close
    content-length: 24

    <html>Bad gateway</html>
    ");
    let busy = Answer::new(429).header("retry-after", "2").header("request-id", "mine");
    insta::assert_snapshot!(wire(Fault::answer(busy), false).await, @r#"
    HTTP/1.1 429 Too Many Requests
    content-type: application/json
    request-id: mine
    retry-after: 2
    connection: close
    content-length: 108

    {"type":"error","error":{"type":"rate_limit_error","message":"Too Many Requests"},"request_id":"req_mock_1"}
    "#);
}

#[tokio::test]
async fn a_hang_up_is_no_answer_at_all() {
    assert_eq!(wire(Fault::hang_up(), true).await, "");
}

#[tokio::test]
async fn a_cut_body_has_no_end_and_one_that_ends_early_has() {
    insta::assert_snapshot!(wire(Fault::cut("event: ping\ndata"), true).await, @r#"
    HTTP/1.1 200 OK
    content-type: text/event-stream; charset=utf-8
    cache-control: no-cache
    request-id: req_mock_1
    connection: close
    transfer-encoding: chunked

    121
    event: message_start
    data: {"type":"message_start","message":{"id":"msg_mock_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}}


    10
    event: ping
    data
    "#);
    insta::assert_snapshot!(wire(Fault::end("event: ping\ndata"), true).await, @r#"
    HTTP/1.1 200 OK
    content-type: text/event-stream; charset=utf-8
    cache-control: no-cache
    request-id: req_mock_1
    connection: close
    transfer-encoding: chunked

    121
    event: message_start
    data: {"type":"message_start","message":{"id":"msg_mock_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}}


    10
    event: ping
    data
    0
    "#);
    insta::assert_snapshot!(wire(Fault::cut(0), true).await, @"
    HTTP/1.1 200 OK
    content-type: text/event-stream; charset=utf-8
    cache-control: no-cache
    request-id: req_mock_1
    connection: close
    transfer-encoding: chunked
    ");
    insta::assert_snapshot!(wire(Fault::end(40), false).await, @r#"
    HTTP/1.1 200 OK
    content-type: application/json
    request-id: req_mock_1
    connection: close
    transfer-encoding: chunked

    28
    {"id":"msg_mock_1","type":"message","rol
    0
    "#);
}

#[tokio::test]
async fn an_event_comes_between_others_whatever_it_holds() {
    let body = wire(Fault::error_event("message_start", "overloaded_error", "Overloaded"), true).await;
    insta::assert_snapshot!(&body[body.find("event: error").unwrap()..][..220], @r#"
    event: error
    data: {"error":{"message":"Overloaded","type":"overloaded_error"},"type":"error"}


    23
    event: ping
    data: {"type":"ping"}


    75
    event: content_block_start
    data: {"type":"content_block_start","index":0,"content
    "#);
    let body = wire(Fault::event("one", "content_block_delta", r#"{"type":"#), true).await;
    insta::assert_snapshot!(&body[body.find("one").unwrap()..][..150], @r#"
    one "}}


    2B
    event: content_block_delta
    data: {"type":


    76
    event: content_block_delta
    data: {"type":"content_block_delta","index":0,"delta":{"type":"
    "#);
    let body = wire(Fault::event("one", "x", ""), false).await;
    assert!(
        body.contains("turn 0: this fault needs a streamed reply, and the request did not ask for one"),
        "{body}"
    );
}

#[tokio::test]
async fn a_silent_answer_stays_open() {
    for (fault, end) in [
        (Fault::silence(0), "\r\n\r\n"),
        (Fault::silence(9), "\r\nevent: me\r\n"),
        (Fault::slow_body(Duration::from_secs(3600)), "\r\n\r\n"),
        (Fault::slow_head(Duration::from_secs(3600)), ""),
    ] {
        let server = server(fault.clone()).await;
        let mut connection = ask(&server, "Hi.", true).await;
        read(&mut connection, |said| said.ends_with(end)).await;
        assert!(timeout(SOON, connection.read_u8()).await.is_err(), "{fault:?}: no byte and no end");
        drop(server);
        assert_eq!(rest(&mut connection).await, "", "{fault:?}");
    }
}

#[tokio::test]
async fn pings_do_not_end() {
    let server = server(Fault::pings("message_start", Duration::from_millis(1))).await;
    let mut connection = ask(&server, "Hi.", true).await;
    let said = read(&mut connection, |said| said.matches("event: ping").count() > 4).await;
    assert_eq!(said.matches("event: ").count(), said.matches("event: ping").count() + 1, "{said}");
}

#[tokio::test]
async fn a_drip_is_the_reply_byte_by_byte() {
    let body = wire(Fault::drip(1, Duration::ZERO), true).await;
    let (_, chunks) = body.split_once("\n\n").unwrap();
    assert!(
        chunks.starts_with("1\ne\n1\nv\n1\ne\n1\nn\n1\nt\n1\n:\n") && chunks.ends_with("0\n\n"),
        "{chunks}"
    );
    let begun = Instant::now();
    let whole = wire(Fault::drip(1000, Duration::from_millis(2)), true).await;
    assert!(whole.contains("message_stop") && begun.elapsed() > Duration::from_millis(14), "7 events");
}

#[tokio::test]
async fn slow_heads_and_bodies_come_in_the_end() {
    let wait = Duration::from_millis(15);
    for fault in [Fault::slow_head(wait), Fault::slow_body(wait)] {
        let begun = Instant::now();
        assert!(wire(fault, true).await.contains("message_stop"));
        assert!(begun.elapsed() >= wait);
    }
}

#[tokio::test]
async fn a_fault_that_can_not_happen_is_an_error_that_is_not_retried() {
    insta::assert_snapshot!(wire(Fault::cut("three"), true).await, @r#"
    HTTP/1.1 500 Internal Server Error
    content-type: application/json
    x-should-retry: false
    request-id: req_mock_1
    connection: close
    content-length: 156

    {"type":"error","error":{"type":"api_error","message":"turn 0: the fault is after \"three\", but the body does not contain that"},"request_id":"req_mock_1"}
    "#);
    insta::assert_snapshot!(wire(Fault::status(7), true).await, @r#"
    HTTP/1.1 500 Internal Server Error
    content-type: application/json
    x-should-retry: false
    request-id: req_mock_1
    connection: close
    content-length: 150

    {"type":"error","error":{"type":"api_error","message":"7 is not a status that an answer can have: use one from 200 to 999"},"request_id":"req_mock_1"}
    "#);
    let scenario = Scenario::new([reply()]).fault_of("adder", 0, [Fault::hang_up()]);
    let error = Mock::start(scenario).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"the scenario has faults for the agent "adder", but no such agent; its agents are: none"#);
}

#[tokio::test]
async fn attempts_are_counted_by_body_and_the_last_ones_go_well() {
    let faults = [Some(Fault::status(529)), None, Some(Fault::status(500))];
    let server = Mock::start(Scenario::new([reply()]).fault(0, faults)).await.unwrap();
    let mut statuses = Vec::new();
    for said in ["a", "b", "a", "a", "b", "b", "a"] {
        let answer = rest(&mut ask(&server, said, false).await).await;
        statuses.push(format!("{said} {}", &answer["HTTP/1.1 ".len()..][..3]));
    }
    assert_eq!(statuses, ["a 529", "b 529", "a 200", "a 500", "b 200", "b 500", "a 200"]);
    let attempts: Vec<usize> = server.requests().iter().map(|request| request.attempt).collect();
    assert_eq!(attempts, [1, 1, 2, 3, 2, 3, 4]);
}

#[tokio::test]
async fn a_request_that_the_api_refuses_is_refused_whatever_the_scenario_says() {
    let server = server(Fault::hang_up()).await;
    let answer = rest(&mut ask(&server, " ", false).await).await;
    assert!(answer.contains("text content blocks must contain non-whitespace text"), "{answer}");
}

#[tokio::test]
async fn unusual_content_needs_no_fault() {
    let twice = |name| Block::tool_use("0", name, json!({}));
    let reply = Reply::text(" ")
        .and_block(twice("f"))
        .and_block(twice("g"))
        .and_call("h", json!({"INVALID_JSON": "{\"x\": "}));
    let server = Mock::start(Scenario::new([reply])).await.unwrap();
    let body = rest(&mut ask(&server, "Hi.", true).await).await;
    for (said, times) in [
        (r#""id":"0""#, 2),
        (r#""delta":{"type":"text_delta","text":" "}"#, 1),
        (r#""delta":{"type":"input_json_delta","partial_json":"{\"x\": "}"#, 1),
    ] {
        assert_eq!(body.matches(said).count(), times, "{said} in {body}");
    }
}
