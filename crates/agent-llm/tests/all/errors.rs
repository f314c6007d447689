//! Answers that are no replies.

use std::time::Duration;

use agent_llm::{Claude, Llm, LlmError, LlmErrorKind, fold};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::common::{HELLO, KEY, ask, hi, server, settings, streamed, text};

async fn refused(answer: ResponseTemplate) -> LlmError {
    let server = server(answer).await;
    let error = ask(settings(server.uri())).await.unwrap_err();
    let unary = ask(settings(server.uri()).streaming(false)).await.unwrap_err();
    assert_eq!(error.kind, unary.kind, "streamed or not");
    error
}

fn api_error(status: u16, error_type: &str, message: &str) -> ResponseTemplate {
    let error = json!({"type": error_type, "message": message});
    let body = json!({"type": "error", "error": error, "request_id": "req_body"});
    ResponseTemplate::new(status).set_body_json(body)
}

#[tokio::test]
async fn an_error_has_the_apis_type_message_status_and_request_id() {
    let message = "max_tokens: field required";
    let answer = api_error(400, "invalid_request_error", message).insert_header("request-id", "req_head");
    let error = refused(answer).await;
    insta::assert_snapshot!(error, @"the model's server refused the request: max_tokens: field required (status 400, invalid_request_error, request req_head)");
    assert_eq!((error.kind, error.status), (LlmErrorKind::InvalidRequest, Some(400)));
    assert_eq!(error.message, message);
    assert_eq!(error.error_type.as_deref(), Some("invalid_request_error"));
    assert_eq!(error.request_id.as_deref(), Some("req_head"), "the header's wins");
    let error = refused(api_error(401, "authentication_error", "invalid x-api-key")).await;
    assert_eq!((error.kind, error.request_id.as_deref()), (LlmErrorKind::Authentication, Some("req_body")));
}

#[tokio::test]
async fn statuses_have_their_kinds_and_say_whether_to_retry() {
    use LlmErrorKind::*;
    for (status, kind, retryable) in [
        (400, InvalidRequest, false),
        (401, Authentication, false),
        (402, Billing, false),
        (403, Permission, false),
        (404, NotFound, false),
        (408, Server, true),
        (409, Server, true),
        (413, InvalidRequest, false),
        (422, InvalidRequest, false),
        (429, RateLimit, true),
        (500, Server, true),
        (503, Server, true),
        (529, Overloaded, true),
    ] {
        let error = refused(ResponseTemplate::new(status)).await;
        assert_eq!((error.kind, error.is_retryable()), (kind, retryable), "{status}");
    }
}

#[tokio::test]
async fn the_servers_wishes_about_retrying_are_read() {
    let answer = api_error(429, "rate_limit_error", "slow down")
        .insert_header("retry-after", "3")
        .insert_header("x-should-retry", "false");
    let error = refused(answer).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn fault_37_html_from_a_proxy() {
    let page = "<html><body>Sign in to the guest network</body></html>";
    let error = refused(ResponseTemplate::new(502).set_body_raw(page, "text/html")).await;
    insta::assert_snapshot!(error, @"the model's server failed: text/html: <html><body>Sign in to the guest network</body></html> (status 502)");
    let error = refused(ResponseTemplate::new(200).set_body_raw(page, "text/html")).await;
    assert_eq!((error.kind, error.status), (LlmErrorKind::Malformed, Some(200)));
    insta::assert_snapshot!(error, @"the reply can't be read: expected text/event-stream, got text/html: <html><body>Sign in to the guest network</body></html> (status 200)");
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_named_as_such() {
    let server = server(ResponseTemplate::new(200).set_body_json(json!({"content": []}))).await;
    let error = ask(settings(server.uri())).await.unwrap_err();
    insta::assert_snapshot!(error, @r#"the reply can't be read: expected text/event-stream, got application/json: {"content":[]} (status 200)"#);
}

#[tokio::test]
async fn fault_34_a_key_that_is_echoed_is_scrubbed() {
    let check = |error: LlmError| {
        assert!(error.to_string().contains("[key]"), "{error}");
        let all = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
        assert!(!all.contains(KEY), "{all}");
    };
    let echo = format!("no such key: {KEY}");
    check(refused(api_error(401, "authentication_error", &echo)).await);
    check(refused(ResponseTemplate::new(403).set_body_string(echo.clone())).await);
    check(refused(ResponseTemplate::new(400).insert_header("request-id", KEY)).await);
    check(refused(ResponseTemplate::new(200).set_body_raw(echo, "text/html")).await);
    check(
        refused(ResponseTemplate::new(301).insert_header("location", format!("https://x/?key={KEY}"))).await,
    );
    // At the place where the quote is cut.
    check(refused(ResponseTemplate::new(500).set_body_string(format!("{}{KEY}", "x".repeat(290)))).await);
    let event = json!({"type": "error", "error": {"type": "api_error", "message": KEY}});
    let server = server(streamed(&format!("event: error\ndata: {event}\n\n"))).await;
    check(ask(settings(server.uri())).await.unwrap_err());
}

#[tokio::test]
async fn a_redirect_is_not_followed_since_it_would_take_the_key_along() {
    let elsewhere = server(streamed(HELLO)).await;
    let answer = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    let error = refused(answer).await;
    assert_eq!(error.kind, LlmErrorKind::Configuration);
    assert!(error.message.contains(&elsewhere.uri()), "{error}");
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_connection_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = ask(settings(&url)).await.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Connection, true));
    assert!(error.message.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_client_asks_again_as_its_policy_says() {
    let server = MockServer::start().await;
    let busy = api_error(529, "overloaded_error", "Overloaded").insert_header("retry-after-ms", "1");
    Mock::given(any()).respond_with(busy).up_to_n_times(2).mount(&server).await;
    Mock::given(any()).respond_with(streamed(HELLO)).mount(&server).await;
    let claude = Claude::builder().key(KEY).base_url(server.uri());
    assert_eq!(text(&ask(claude).await.unwrap()), "Hello!");
    assert_eq!(server.received_requests().await.unwrap().len(), 3, "2 retries by default");
}

#[tokio::test]
async fn a_container_that_has_expired_is_left_out_and_the_request_made_again() {
    let server = MockServer::start().await;
    let expired = api_error(400, "invalid_request_error", "container: Container container_1 has expired");
    Mock::given(any()).respond_with(expired).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(streamed(HELLO)).mount(&server).await;
    let mut request = hi();
    request.container = Some("container_1".to_owned());
    let claude = settings(server.uri()).build().unwrap();
    assert_eq!(text(&fold(claude.stream(request), |_| {}).await.unwrap()), "Hello!");
    let asked = server.received_requests().await.unwrap();
    let containers = asked.iter().map(|asked| asked.body_json::<Value>().unwrap()["container"].clone());
    assert_eq!(containers.collect::<Vec<_>>(), [json!("container_1"), Value::Null]);
}
