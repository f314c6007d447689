//! The client for a backend of one's own.

use std::time::Duration;

use agent_llm::{
    Delta, LlmError, LlmErrorKind, Notice, Response, StopReason, fold,
    transport::{DeltaWriter, HttpClient, HttpClientBuilder, sse::Event},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::ResponseTemplate;

use crate::common::{KEY, SOON, server, streamed, text};

/// Reads events of plain text. `stop` is the stop reason.
fn read(event: &Event<'_>, reply: &mut DeltaWriter) -> Result<(), LlmError> {
    match &*event.data {
        "stop" => {
            reply.stop(StopReason::EndTurn);
            Ok(())
        }
        words => reply.text(words),
    }
}

async fn ask(client: HttpClientBuilder) -> Result<Response, LlmError> {
    let client = client.build().unwrap();
    fold(client.stream("generate", &json!({"prompt": "hi"}), read), |_| {}).await
}

/// What a client says of this answer, streamed.
async fn answered(answer: ResponseTemplate) -> Result<String, (LlmErrorKind, String)> {
    let server = server(answer).await;
    let reply = ask(HttpClient::builder(server.uri()).key(KEY)).await;
    reply.map(|reply| text(&reply)).map_err(|error| (error.kind, error.message.clone()))
}

#[tokio::test]
async fn a_stream_is_complete_at_its_end_or_with_a_stop_reason() {
    let said = async |events: &str| answered(streamed(events)).await;
    assert_eq!(
        said("data: Hel\n\ndata: lo!\n\ndata: stop\n\ndata: [DONE]\n\n").await,
        Ok("Hello!".to_owned())
    );
    assert_eq!(said("data: Hello!\n\ndata: stop\n\n").await, Ok("Hello!".to_owned()));
    assert_eq!(said("data: Hello!\n\ndata: stop").await, Ok("Hello!".to_owned()));
    let broke_off = "the stream ended before the end of the reply".to_owned();
    assert_eq!(said("data: Hello!\n\n").await, Err((LlmErrorKind::Incomplete, broke_off.clone())));
    let html = (LlmErrorKind::Incomplete, format!("{broke_off}; it said: <html>Bad"));
    assert_eq!(said("<html>Bad\n").await, Err(html));
    let no_reason = "it ended without a stop reason".to_owned();
    assert_eq!(said("data: [DONE]\n\n").await, Err((LlmErrorKind::Incomplete, no_reason)));
}

#[tokio::test]
async fn an_error_in_the_stream_is_that_error() {
    let said = async |events: &str| answered(streamed(events)).await;
    let busy = Err((LlmErrorKind::RateLimit, "busy".to_owned()));
    let error = r#"{"error":{"message":"busy","type":"rate_limit_error"}}"#;
    assert_eq!(said(&format!("data: Hel\n\ndata: {error}\n\n")).await, busy);
    assert_eq!(said(&format!("event: error\ndata: {error}\n\n")).await, busy);
    let words = r#"data: an "error" in words"#;
    assert_eq!(said(&format!("{words}\n\ndata: stop\n\n")).await, Ok(words["data: ".len()..].to_owned()));
}

#[tokio::test]
async fn an_answer_that_is_no_success_is_a_typed_error_without_the_key() {
    let answer = ResponseTemplate::new(429)
        .insert_header("retry-after", "7")
        .insert_header("x-request-id", "req_1")
        .set_body_json(json!({"error": {"message": format!("{KEY} is busy"), "type": "requests"}}));
    let server = server(answer).await;
    let client =
        HttpClient::builder(server.uri()).key(KEY).header("x-tenant", "a-secret-token").build().unwrap();
    let error = client.json::<Value>("count", &json!({})).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (LlmErrorKind::RateLimit, "[key] is busy"));
    assert_eq!(
        (error.retry_after(), error.request_id.as_deref()),
        (Some(Duration::from_secs(7)), Some("req_1"))
    );
    let shown = format!("{client:?}");
    assert!(!shown.contains(KEY) && !shown.contains("secret"), "{shown}");
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.url.path(), "/count");
    assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn an_answer_of_another_kind_is_malformed() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>", "text/html");
    let message = "expected text/event-stream, got text/html: <html>".to_owned();
    assert_eq!(answered(page).await, Err((LlmErrorKind::Malformed, message)));
    let server = server(ResponseTemplate::new(200).set_body_json(json!({"tokens": "three"}))).await;
    let client = HttpClient::builder(server.uri()).build().unwrap();
    let error = client.json::<Vec<u64>>("count", &json!({})).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Malformed);
    assert!(error.message.contains(r#"got application/json: {"tokens":"three"}"#), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_an_error() {
    let words = "data: words\n\n".repeat(1_000);
    let server_of_words = server(streamed(&words)).await;
    let error = ask(HttpClient::builder(server_of_words.uri()).longest_reply(5_000)).await.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::TooLong, false));
    let server = server(ResponseTemplate::new(200).set_body_json(vec![7; 5_000])).await;
    let client = HttpClient::builder(server.uri()).longest_reply(5_000).build().unwrap();
    let error = client.json::<Value>("count", &json!({})).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::TooLong);
}

/// The error of a client whose server says this and then nothing more.
async fn stalled(said: &'static str, client: fn(HttpClientBuilder) -> HttpClientBuilder) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 4096]).await.unwrap();
        connection.write_all(said.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let error = ask(client(HttpClient::builder(url))).await.unwrap_err();
    server.abort();
    assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Timeout, true));
    error.message.clone()
}

#[tokio::test]
async fn each_time_limit_has_its_error() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: Hel\n\n";
    let first = "no byte of a reply within 60ms (first byte timeout)";
    assert_eq!(stalled("", |client| client.first_byte_timeout(SOON)).await, first);
    let idle = "nothing more of the reply within 60ms (idle timeout)";
    assert_eq!(stalled(HEAD, |client| client.idle_timeout(SOON)).await, idle);
    let total = "no whole reply within 60ms (total timeout)";
    assert_eq!(stalled(HEAD, |client| client.total_timeout(SOON)).await, total);
}

#[tokio::test]
async fn the_limits_in_the_head_of_an_answer_are_notices_for_a_gate() {
    let check = async |headers: [(&str, &str); 3], client: fn(HttpClientBuilder) -> HttpClientBuilder| {
        let answer = streamed("data: hi\n\ndata: stop\n\n");
        let answer = headers.iter().fold(answer, |answer, (name, value)| answer.insert_header(*name, *value));
        let server = server(answer).await;
        let client = client(HttpClient::builder(server.uri())).build().unwrap();
        let mut notices = Vec::new();
        let stream = client.stream("generate", &json!({}), read);
        let keep = |delta: &Delta| {
            if let Delta::Notice(notice) = delta {
                notices.push(notice.clone());
            }
        };
        fold(stream, keep).await.unwrap();
        let reset = Duration::from_secs(90);
        let of = "tokens".into();
        assert_eq!(notices, [Notice::RateLimit { of, limit: 60, remaining: 7, reset }]);
    };
    let usual = [
        ("x-ratelimit-limit-tokens", "60"),
        ("x-ratelimit-remaining-tokens", "7"),
        ("x-ratelimit-reset-tokens", "1m30s"),
    ];
    check(usual, |client| client).await;
    let own = [("quota-tokens", "60"), ("quota-tokens-left", "7"), ("quota-tokens-reset", "90")];
    check(own, |client| client.rate_limit_headers("Quota-{name}", "Quota-{name}-left", "Quota-{name}-reset"))
        .await;
}
