//! Answers that are no replies, and replies that break off.

use std::time::Duration;

use agent_llm::{Block, Delta, Llm, LlmError, LlmErrorKind, Message, RetryPolicy, fold};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::common::{CHAT, KEY, WAYS, Way, ask, bodies, events, hi, server, text};

fn api_error(status: u16, error_type: &str, code: Value, message: &str) -> ResponseTemplate {
    let error = json!({"message": message, "type": error_type, "param": null, "code": code});
    ResponseTemplate::new(status).set_body_json(json!({"error": error}))
}

/// The error of an answer, the same in each way.
async fn refused(answer: ResponseTemplate) -> LlmError {
    let mut errors = Vec::new();
    for way in WAYS {
        let server = server([answer.clone()]).await;
        errors.push(ask(way.settings(server.uri())).await.unwrap_err());
    }
    errors.iter().for_each(|error| assert_eq!(error.kind, errors[0].kind));
    errors.remove(0)
}

#[tokio::test]
async fn an_error_has_the_kind_of_its_code_and_the_id_of_its_request() {
    use LlmErrorKind::*;
    let message = "Incorrect API key provided";
    let answer = api_error(401, "invalid_request_error", json!("invalid_api_key"), message);
    let error = refused(answer.insert_header("x-request-id", "req_1")).await;
    insta::assert_snapshot!(error, @"the model's server did not accept the key: Incorrect API key provided (status 401, invalid_request_error, request req_1)");
    let check = async |status: u16, error_type: &str, code: Value, kind: LlmErrorKind, again: bool| {
        let error = refused(api_error(status, error_type, code, "Oh.")).await;
        assert_eq!(
            (error.kind, error.is_retryable(), error.status),
            (kind, again, Some(status)),
            "{error_type}"
        );
    };
    check(429, "requests", json!("rate_limit_exceeded"), RateLimit, true).await;
    check(429, "insufficient_quota", json!("insufficient_quota"), Billing, false).await;
    check(404, "invalid_request_error", json!("model_not_found"), NotFound, false).await;
    check(400, "invalid_request_error", Value::Null, InvalidRequest, false).await;
    check(400, "invalid_request_error", json!("context_length_exceeded"), PromptTooLong, false).await;
    check(503, "server_error", json!("server_is_overloaded"), Overloaded, true).await;
    check(500, "server_error", Value::Null, Server, true).await;
}

#[tokio::test]
async fn fault_37_html_from_a_proxy_in_the_place_of_openai_says_so() {
    let page = "<html><body>Bad Gateway</body></html>";
    let error = refused(ResponseTemplate::new(502).set_body_raw(page, "text/html")).await;
    insta::assert_snapshot!(error, @"the model's server failed: text/html: <html><body>Bad Gateway</body></html> (status 502)");
    let error = refused(ResponseTemplate::new(200).set_body_raw(page, "text/html")).await;
    assert_eq!((error.kind, error.status), (LlmErrorKind::Malformed, Some(200)));
}

#[tokio::test]
async fn a_server_that_does_not_know_the_address_is_named_with_it() {
    let check = async |answer: ResponseTemplate, expected: &str| {
        let server = server([answer]).await;
        let error = ask(CHAT.settings(format!("{}/api?key=secret", server.uri()))).await.unwrap_err();
        let said = error.to_string().replace(&server.uri(), "http://host");
        assert_eq!((said.as_str(), error.kind), (expected, LlmErrorKind::NotFound));
    };
    let plain = ResponseTemplate::new(404).set_body_raw("404 page not found", "text/plain");
    let said = "the model's server knows no such model or address: text/plain: 404 page not found; it was asked at http://host/api/chat/completions: a base URL looks like https://api.openai.com/v1 (status 404)";
    check(plain, said).await;
    let detail = ResponseTemplate::new(404).set_body_json(json!({"detail": "Not Found"}));
    check(detail, &said.replace("text/plain: 404 page not found", "Not Found")).await;
    // One that speaks the API knows better.
    let said =
        "the model's server knows no such model or address: No such model. (status 404, not_found_error)";
    check(api_error(404, "not_found_error", Value::Null, "No such model."), said).await;
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_said_to_be_one() {
    let unary = Way { streaming: false, ..CHAT };
    let server = server([unary.reply("hi", &[])]).await;
    let error = ask(CHAT.settings(server.uri())).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Malformed);
    let advice = "; if the server does not stream, call the builder's `streaming(false)`";
    assert!(error.message.ends_with(advice), "{error}");
}

#[tokio::test]
async fn a_prompt_that_is_refused_when_its_reply_has_begun_is_shortened() {
    let way = WAYS[2];
    let refused = json!({"status": "failed", "error": {"code": "context_length_exceeded", "message": "Your input exceeds the context window of this model."}});
    let refused = events(&[
        json!({"type": "response.created", "response": {"id": "resp_0", "model": "m"}}).to_string(),
        json!({"type": "response.failed", "response": refused}).to_string(),
    ]);
    let server = server([refused.clone(), way.reply("hi", &[])]).await;
    let mut request = hi();
    let result = Block::tool_result("a", "w".repeat(100_000).into(), false);
    let call = Block::tool_use("a", "f", json!({}));
    request.messages.extend([Message::assistant(vec![call]), Message::user(vec![result])]);
    let openai = way.settings(server.uri()).build().unwrap();
    assert_eq!(text(&fold(openai.stream(request), |_| {}).await.unwrap()), "hi");
    let lengths: Vec<usize> =
        bodies(&server).await.iter().map(|body| body.to_string().len() / 10_000).collect();
    assert_eq!(lengths, [10, 4]);
    // Nothing can be cut.
    let server = crate::common::server([refused]).await;
    assert_eq!(ask(way.settings(server.uri())).await.unwrap_err().kind, LlmErrorKind::PromptTooLong);
}

#[tokio::test]
async fn fault_40_a_request_that_openai_refused_is_not_made_again() {
    for way in WAYS {
        let server = server([api_error(400, "invalid_request_error", Value::Null, "no")]).await;
        ask(way.settings(server.uri()).max_retries(5)).await.unwrap_err();
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "{way:?}");
    }
}

#[tokio::test]
async fn fault_29_a_request_that_was_too_fast_for_openai_waits_as_told() {
    for way in WAYS {
        let busy = api_error(429, "tokens", json!("rate_limit_exceeded"), "Slow down.");
        let server = server([busy.insert_header("retry-after-ms", "7"), way.reply("hi", &[])]).await;
        let openai = way.settings(server.uri()).max_retries(1).build().unwrap();
        let mut waits = Vec::new();
        let reply = fold(openai.stream(hi()), |delta| {
            if let Delta::Notice(agent_llm::Notice::Retry { wait, .. }) = delta {
                waits.push(*wait);
            }
        });
        assert_eq!(text(&reply.await.unwrap()), "hi", "{way:?}");
        assert!(waits.len() == 1 && waits[0] >= Duration::from_millis(7), "{waits:?}");
    }
}

#[tokio::test]
async fn fault_34_a_key_that_openai_echoes_is_scrubbed() {
    let echo = format!("Incorrect API key provided: {KEY}");
    let check = |error: LlmError| {
        let all = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
        assert!(!all.contains(KEY) && all.contains("[key]"), "{all}");
    };
    check(refused(api_error(401, "invalid_request_error", json!("invalid_api_key"), &echo)).await);
    check(refused(ResponseTemplate::new(403).set_body_string(echo.clone())).await);
    check(refused(ResponseTemplate::new(400).insert_header("x-request-id", KEY)).await);
    let event = json!({"error": {"message": echo}}).to_string();
    check(refused(events(&[event])).await);
}

/// A stream that says something and then breaks off, or says an error.
fn broken(way: Way, ends: &str) -> ResponseTemplate {
    let said = match way.is_chat {
        true => json!({"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": null}]}),
        false => {
            json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"})
        }
    };
    ResponseTemplate::new(200).set_body_raw(format!("data: {said}\n\n{ends}"), "text/event-stream")
}

#[tokio::test]
async fn fault_23_a_stream_of_openai_that_fails_is_asked_again_and_what_was_shown_is_withdrawn() {
    let error = "data: {\"error\":{\"message\":\"Oh.\",\"type\":\"server_error\"}}\n\n";
    for way in WAYS.into_iter().filter(|way| way.streaming) {
        for ends in ["", "data: [DONE]\n\n", error, &format!("event: error\n{error}"), "data: {\"cut"] {
            let server = server([broken(way, ends), way.reply("Hello!", &[])]).await;
            let soon = RetryPolicy::default().first_wait(Duration::from_millis(1));
            let openai = way.settings(server.uri()).retry(soon).build().unwrap();
            let mut withdrawn = 0;
            let reply = fold(openai.stream(hi()), |delta| {
                withdrawn += usize::from(matches!(delta, Delta::Restarted { .. }));
            });
            assert_eq!(text(&reply.await.unwrap()), "Hello!", "{way:?} {ends}");
            assert_eq!(withdrawn, 1, "{way:?} {ends}");
        }
    }
}

#[tokio::test]
async fn an_error_in_the_place_of_a_reply_is_one_streamed_or_not() {
    let body = r#"{"error":{"message":"Overloaded.","type":"server_error","code":"server_is_overloaded"}}"#;
    for content_type in ["application/json", "text/event-stream"] {
        let error = refused(ResponseTemplate::new(200).set_body_raw(body, content_type)).await;
        assert_eq!((error.kind, error.message.as_str()), (LlmErrorKind::Overloaded, "Overloaded."));
    }
}
