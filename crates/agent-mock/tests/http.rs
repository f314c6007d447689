//! The server as a client sees it.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use agent_core::{Block, LlmError, StopReason, Usage, model::LlmErrorKind, script::Reply};
use agent_mock::{Mock, RateLimit, Scenario};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use common::{server, shown};

fn ask(server: &Mock, body: &Value) -> RequestBuilder {
    to(server, Method::POST, "/v1/messages").body(body.to_string())
}

fn client() -> Client {
    // The server does not speak TLS. reqwest needs a provider all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

fn to(server: &Mock, method: Method, path: &str) -> RequestBuilder {
    let request = client().request(method, server.url() + path);
    request.header("x-api-key", "any").header("anthropic-version", "2026-10-21")
}

fn request() -> Value {
    json!({"model": "claude-test", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi."}]})
}

fn streaming() -> Value {
    let mut body = request();
    body["stream"] = json!(true);
    body
}

fn reply() -> Reply {
    let thinking = json!({"type": "thinking", "thinking": "Add them.", "signature": "c2ln"});
    Reply::default()
        .and_block(Block::from_json(thinking.into()).unwrap())
        .and_text("Let me see.")
        .and_call("sum", json!({"numbers": [1, 2, 3]}))
        .and_call("now", json!({}))
        .usage(Usage::new(20, 30))
}

#[tokio::test]
async fn a_unary_reply() {
    let server = server([reply()]).await;
    let response = ask(&server, &request()).send().await.unwrap();
    insta::assert_snapshot!(shown(response).await);
}

#[tokio::test]
async fn a_streamed_reply() {
    let server = server([reply()]).await;
    let response = ask(&server, &streaming()).send().await.unwrap();
    insta::assert_snapshot!(shown(response).await);
}

#[tokio::test]
async fn a_stop_sequence_is_named() {
    let server = server([Reply::text("one,").stop(StopReason::StopSequence)]).await;
    let mut body = request();
    body["stop_sequences"] = json!(["two"]);
    let response = ask(&server, &body).send().await.unwrap();
    let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((&reply["stop_reason"], &reply["stop_sequence"]), (&json!("stop_sequence"), &json!("two")));
}

#[tokio::test]
async fn refusals_have_the_shape_of_the_api() {
    let mut overloaded = LlmError::new(LlmErrorKind::Overloaded, "come back later");
    overloaded.retry_after = Some(Duration::from_secs(2));
    let server = server([Reply::error(overloaded)]).await;
    let mut shapes = Vec::new();
    let mut show = async |request: RequestBuilder| {
        let response = request.send().await.unwrap();
        shapes.push(shown(response).await);
    };
    show(ask(&server, &request())).await;
    show(ask(&server, &json!({"model": "m"}))).await;
    show(to(&server, Method::POST, "/v1/messages").body("{")).await;
    let keyless = client().post(server.url() + "/v1/messages");
    show(keyless).await;
    let unversioned = client().post(server.url() + "/v1/messages").header("authorization", "Bearer any");
    show(unversioned).await;
    show(to(&server, Method::GET, "/v1/messages")).await;
    show(to(&server, Method::POST, "/v1/nothing")).await;
    let mut said = request();
    said["messages"].as_array_mut().unwrap().push(json!({"role": "assistant", "content": "So"}));
    show(ask(&server, &said)).await;
    insta::assert_snapshot!(shapes.join("\n\n"));
}

#[tokio::test]
async fn tokens_are_counted_and_beta_is_no_other_address() {
    let server = server([Reply::text("Hi.")]).await;
    let mut body = request();
    body.as_object_mut().unwrap().remove("max_tokens");
    let count = to(&server, Method::POST, "/v1/messages/count_tokens").body(body.to_string());
    let counted = count.send().await.unwrap().text().await.unwrap();
    assert_eq!(counted, format!(r#"{{"input_tokens":{}}}"#, body.to_string().len().div_ceil(4)));
    let beta = to(&server, Method::POST, "/v1/messages?beta=true").body(request().to_string());
    assert_eq!(beta.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.count(), 1, "a count is no request for a reply");
}

#[tokio::test]
async fn a_thread_is_kept_on_the_server() {
    let server = Mock::start(Scenario::default()).await.unwrap();
    let mut body = request();
    body["tools"] = json!([{"name": "now", "input_schema": {"type": "object"}}]);
    body["thread"] = json!({"type": "create"});
    let first = ask(&server, &body).send().await.unwrap().text().await.unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    let result = json!({"type": "tool_result", "tool_use_id": first["content"][0]["id"], "content": "noon"});
    let mut body = request();
    body["messages"] = json!([{"role": "user", "content": [result]}]);
    body["thread"] = json!({"type": "continue", "previous_message_id": first["id"]});
    let second = ask(&server, &body).send().await.unwrap().text().await.unwrap();
    assert!(second.contains("The tools said: noon"), "{second}");
    assert_eq!(server.requests()[1].turn, 1, "the request is seen whole");
}

#[tokio::test]
async fn requests_are_recorded_unchanged() {
    let scenario = Scenario::by_agent([("the adder", vec![Reply::text("3")])]);
    let server = Mock::start(scenario).await.unwrap();
    let text = r#"{"system":"You are the adder.", "model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi."}]}"#;
    let asked = to(&server, Method::POST, "/v1/messages").header("anthropic-beta", "b").body(text);
    assert_eq!(asked.send().await.unwrap().status(), StatusCode::OK);
    let kept = &server.requests()[0];
    assert_eq!((kept.text.as_str(), &kept.body["max_tokens"]), (text, &json!(9)));
    assert_eq!((kept.agent.as_deref(), kept.turn, kept.last_text().as_str()), (Some("the adder"), 0, "Hi."));
    assert_eq!(kept.header("anthropic-beta"), Some("b"));
    insta::assert_debug_snapshot!(kept, @r#"
    RecordedRequest {
        agent: Some(
            "the adder",
        ),
        turn: 0,
        attempt: 1,
        ..
    }
    "#);
}

#[tokio::test]
async fn open_requests_are_counted_while_they_last() {
    let server = server([Reply::text("one two")]).await;
    for body in [request(), streaming(), request(), streaming()] {
        let response = ask(&server, &body).send().await.unwrap();
        response.bytes().await.unwrap();
    }
    assert_eq!((server.count(), server.most_open()), (4, 1), "one after the other");

    let forever = Duration::from_secs(3600);
    let server = self::server([Reply::text("never said").per_token(forever)]).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut response = ask(&server, &streaming()).send().await.unwrap();
        assert!(response.chunk().await.unwrap().is_some(), "it has begun");
        open.push(response);
    }
    assert_eq!((server.count(), server.most_open()), (3, 3), "all at once");
}

#[tokio::test]
async fn dropping_the_server_ends_what_is_open() {
    let server = server([Reply::text("never said").per_token(Duration::from_secs(3600))]).await;
    let mut response = ask(&server, &streaming()).send().await.unwrap();
    response.chunk().await.unwrap();
    let next = ask(&server, &request());
    drop(server);
    assert!(response.bytes().await.is_err(), "the stream is cut");
    assert!(next.send().await.is_err(), "nobody answers any more");
}

#[tokio::test]
async fn requests_over_the_rate_limit_are_refused_and_counted() {
    // The limit is too slow to allow another request while the test runs.
    let limit = RateLimit::new(1.0 / 1800.0, 1).with_headers();
    let server = Mock::start(Scenario::new([Reply::text("hi")]).rate_limit(limit)).await.unwrap();
    let taken = ask(&server, &request()).send().await.unwrap();
    let left = |response: &Response| response.headers()["anthropic-ratelimit-requests-remaining"].clone();
    assert_eq!((taken.status(), left(&taken).to_str().unwrap()), (StatusCode::OK, "0"));
    let over = ask(&server, &request()).send().await.unwrap();
    assert_eq!((over.status(), left(&over).to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "0"));
    assert_eq!(over.headers()["retry-after"], "1800");
    insta::assert_snapshot!(over.text().await.unwrap(), @r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your account's rate limit. Please try again later."},"request_id":"req_mock_2"}"#);
    assert_eq!((server.count(), server.refused(), server.requests().len()), (2, 1, 1));
}
