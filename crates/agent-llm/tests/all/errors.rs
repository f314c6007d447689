//! Answers that are no replies.

use std::time::Duration;

use agent_llm::{Claude, Llm, LlmError, LlmErrorKind, RetryPolicy, fold};
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
        (413, PromptTooLong, false),
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
    insta::assert_snapshot!(error, @r#"the reply can't be read: expected text/event-stream, got application/json: {"content":[]}; if the server does not stream, call the builder's `streaming(false)` (status 200)"#);
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
    let echoing = server(streamed(&format!("event: error\ndata: {event}\n\n"))).await;
    check(ask(settings(echoing.uri())).await.unwrap_err());
    // Nor is what else a gateway is sent.
    let echoing = server(ResponseTemplate::new(401).set_body_string("unknown: token-of-a-gateway")).await;
    let with_token = settings(echoing.uri()).header("authorization", "Bearer token-of-a-gateway");
    assert!(ask(with_token).await.unwrap_err().message.ends_with("unknown: [key]"));
}

/// What is told of an error of this body, in the place of a reply: streamed as an event of each
/// kind, as the body of a stream, and not streamed. And how often the request was made.
async fn check_in_place(body: &str, kind: LlmErrorKind, message: &str) {
    let json = || ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let answers = [
        (true, streamed(&format!("event: error\ndata: {body}\n\n"))),
        (true, streamed(&format!("data: {body}\n\n"))),
        (true, streamed(&format!("event: message\ndata: {body}\n\n"))),
        (true, streamed(body)),
        (true, json()),
        (false, json()),
        (false, streamed(&format!("event: error\ndata: {body}\n\n"))),
    ];
    for (streaming, answer) in answers {
        let server = server(answer).await;
        let policy = RetryPolicy::default().first_wait(Duration::from_millis(1));
        let asked = settings(server.uri()).retry(policy).streaming(streaming);
        let error = ask(asked).await.unwrap_err();
        let of_ours = ["; given up after", "; shorten this yourself"]
            .iter()
            .filter_map(|words| error.message.find(words))
            .min();
        let said = &error.message[..of_ours.unwrap_or(error.message.len())];
        assert_eq!((error.kind, said), (kind, message), "{body}, streamed: {streaming}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
        let times = if error.is_retryable() { 3 } else { 1 };
        assert_eq!(server.received_requests().await.unwrap().len(), times, "{body}, streamed: {streaming}");
    }
}

#[tokio::test]
async fn field_58_an_error_in_the_place_of_a_reply_has_its_words_and_its_kind_streamed_or_not() {
    use LlmErrorKind::*;
    let check = check_in_place;
    let long = r#"{"error":{"message":"the prompt is too long","type":"invalid_request_error"}}"#;
    check(long, PromptTooLong, "the prompt is too long").await;
    check(r#"{"error":{"code":400,"message":"too many tokens"}}"#, InvalidRequest, "too many tokens").await;
    check(r#"{"code":500,"message":"no match","type":"server_error"}"#, Server, "no match").await;
    check(r#"{"error":"out of memory"}"#, Server, "out of memory").await;
    check(r#"{"detail":"no such model"}"#, Server, "no such model").await;
    check(r#"{"error":{"type":"authentication_error","message":"bad key"}}"#, Authentication, "bad key")
        .await;
    check(&format!(r#"{{"error":"no such key: {KEY}"}}"#), Server, "no such key: [key]").await;
    // Where the words are cut.
    let long = format!(r#"{{"error":"{}{KEY}"}}"#, "x".repeat(1_995));
    check(&long, Server, &format!("{}[key]", "x".repeat(1_995))).await;
}

#[tokio::test]
async fn field_58_an_answer_that_is_refused_keeps_its_words_whatever_its_form() {
    let check = async |kind: &str, body: &str, message: &str| {
        let error = refused(ResponseTemplate::new(500).set_body_raw(body, kind)).await;
        assert_eq!((error.kind, error.message.as_str()), (LlmErrorKind::Server, message), "{body}");
    };
    check("application/json", r#"{"error":"m"}"#, "m").await;
    check("application/json", r#"{"detail":"m"}"#, "m").await;
    check("application/json", r#"{"detail":["m"]}"#, r#"application/json: {"detail":["m"]}"#).await;
    check("application/json", r#"{"message":"m"}"#, "m").await;
    check("application/problem+json", r#"{"type":"about:blank","title":"t","detail":"m"}"#, "t: m").await;
    check("text/plain", "m", "text/plain: m").await;
    check("text/html", "<h1>m</h1>", "text/html: <h1>m</h1>").await;
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
