//! What a request would cost.

use std::time::Duration;

use agent_llm::{Claude, Gate, LlmError, LlmErrorKind};
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::common::{KEY, SOON, hi, server, settings, stall};

fn counted() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"input_tokens": 12, "new_field": {}}))
}

async fn refused(answer: ResponseTemplate) -> LlmError {
    let server = server(answer).await;
    settings(server.uri()).build().unwrap().count_tokens(&hi()).await.unwrap_err()
}

#[tokio::test]
async fn a_request_is_counted_as_it_would_be_sent() {
    let server = server(counted()).await;
    let claude = settings(format!("{}/gateway", server.uri())).beta("one-2026-01-01").build().unwrap();
    // Also from a task of its own.
    let count = tokio::spawn(async move { claude.count_tokens(&hi()).await });
    assert_eq!(count.await.unwrap().unwrap(), 12);
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.url.path(), "/gateway/v1/messages/count_tokens");
    let header = |name: &str| request.headers[name].to_str().unwrap();
    assert_eq!((header("x-api-key"), header("anthropic-version")), (KEY, "2026-10-21"));
    assert_eq!((header("anthropic-beta"), header("accept")), ("one-2026-01-01", "application/json"));
    insta::assert_snapshot!(String::from_utf8_lossy(&request.body), @r#"{"model":"claude-sonnet-5-5","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#);
}

#[tokio::test]
async fn it_is_asked_again_by_the_same_policy_and_waits_at_no_gate() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after-ms", "1");
    Mock::given(any()).respond_with(busy).up_to_n_times(2).mount(&server).await;
    Mock::given(any()).respond_with(counted()).mount(&server).await;
    let gate = Gate::new();
    let claude = Claude::builder().key(KEY).base_url(server.uri()).gate(gate.clone()).build().unwrap();
    assert_eq!(claude.count_tokens(&hi()).await, Ok(12));
    assert_eq!((server.received_requests().await.unwrap().len(), gate.open()), (3, 0));
    let hour = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    let server = crate::common::server(hour).await;
    let claude = Claude::builder().key(KEY).base_url(server.uri()).build().unwrap();
    let error = claude.count_tokens(&hi()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.message.contains("given up after 1 attempt"), "{error}");
}

#[tokio::test]
async fn what_is_no_count_is_an_error() {
    let error = refused(ResponseTemplate::new(200).set_body_json(json!({"input_tokens": "many"}))).await;
    insta::assert_snapshot!(error, @r#"the reply can't be read: expected a count of tokens (invalid type: string "many", expected u64 at line 1 column 22), got application/json: {"input_tokens":"many"} (status 200)"#);
    let error = refused(ResponseTemplate::new(502).set_body_raw("<p>Bad gateway", "text/html")).await;
    assert_eq!((error.kind, error.status), (LlmErrorKind::Server, Some(502)));
    let said = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let claude = settings(stall(said).await).total_timeout(SOON).build().unwrap();
    let error = claude.count_tokens(&hi()).await.unwrap_err();
    assert_eq!(error.message, "no whole reply within 60ms (total timeout)");
}

#[tokio::test]
async fn fault_34_a_count_that_fails_shows_no_key() {
    for answer in [
        ResponseTemplate::new(401).set_body_string(format!("no such key: {KEY}")),
        ResponseTemplate::new(200).set_body_json(json!({"echo": KEY})),
    ] {
        let error = refused(answer).await;
        assert!(error.to_string().contains("[key]"), "{error}");
        assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    }
}
