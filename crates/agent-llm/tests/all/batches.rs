//! Message batches.

use std::time::Duration;

use agent_llm::{
    Batch, BatchOutcome, BatchRequest, BatchStatus, Batches, Cache, LlmError, LlmErrorKind, Message, Request,
    RetryPolicy, ToolSpec,
    transport::{SignError, bearer},
};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, method, path},
};

use crate::common::{KEY, settings, text};

const ID: &str = "msgbatch_1";

fn batches(server: &MockServer) -> Batches {
    let policy = RetryPolicy::default().first_wait(Duration::ZERO);
    settings(server.uri()).retry(policy).build().unwrap().batches()
}

fn ask(text: &str) -> Request {
    Request::new(vec![Message::user(text)])
}

/// What the API says of a batch of so many requests.
fn batch(status: &str, requests: u64) -> ResponseTemplate {
    let counts = json!({"processing": 0, "succeeded": requests, "errored": 0, "canceled": 0, "expired": 0});
    ResponseTemplate::new(200).set_body_json(json!({"id": ID, "type": "message_batch",
        "processing_status": status, "request_counts": counts, "created_at": "2026-11-26T00:00:00Z",
        "expires_at": "2026-11-27T00:00:00Z", "ended_at": null, "new_field": 1}))
}

/// A line of results.
fn line(id: &str, result: &Value) -> String {
    json!({"custom_id": id, "result": result}).to_string() + "\n"
}

fn succeeded(text: &str) -> Value {
    let content = json!([{"type": "text", "text": text}]);
    json!({"type": "succeeded", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "m", "content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}}})
}

/// A server with an ended batch of so many requests, and these results.
async fn ended(requests: u64, results: impl Into<String>) -> MockServer {
    let server = MockServer::start().await;
    let results = ResponseTemplate::new(200).set_body_raw(results.into(), "application/x-jsonl");
    let url = format!("/v1/messages/batches/{ID}");
    Mock::given(path(&url)).respond_with(batch("ended", requests)).mount(&server).await;
    Mock::given(path(url + "/results")).respond_with(results).mount(&server).await;
    server
}

/// The answers of all requests, one a line.
async fn answers(server: &MockServer) -> String {
    let results = batches(server).results(ID).await.unwrap();
    let said = results.into_iter().map(|result| {
        let id = result.custom_id.clone().unwrap_or_default();
        let position = result.position;
        let said = result.response().map_or_else(|error| error.to_string(), |reply| text(&reply));
        format!("{position:?} {id:?} {said}\n")
    });
    said.collect()
}

#[tokio::test]
async fn a_batch_is_made_of_the_bodies_that_requests_have_without_the_streaming() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(batch("in_progress", 2)).mount(&server).await;
    let settings = settings(server.uri()).model("m-1").cache(Cache::FiveMinutes).beta("b-1");
    let mut with_tool = ask("Name a lake.");
    with_tool.tools = [ToolSpec::new("f", "Does f.", json!({"type": "object"}))].into();
    let requests: [BatchRequest; 2] = [ask("Name a river.").into(), ("lake-1", with_tool).into()];
    let made = settings.build().unwrap().batches().create(requests).await.unwrap();
    assert_eq!((made.id.as_str(), &made.status), (ID, &BatchStatus::InProgress));
    assert!(made.json.text().contains("new_field") && made.expires_at > made.created_at);
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/v1/messages/batches"));
    assert_eq!(
        (&request.headers["x-api-key"], &request.headers["anthropic-beta"]),
        (&KEY.parse().unwrap(), &"b-1".parse().unwrap())
    );
    let body: Value = request.body_json().unwrap();
    insta::assert_json_snapshot!(body);
}

#[tokio::test]
async fn results_come_in_the_order_of_the_requests_whatever_order_the_server_has() {
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}, "request_id": "req_1"});
    let lines = [
        line("10", &json!({"type": "expired"})),
        line("2-b", &json!({"type": "errored", "error": error})),
        line("0", &succeeded("The Rhine.")),
        line("3", &json!({"type": "canceled"})),
        line("of-another-program", &succeeded("Hi.")),
        line("4", &json!({"type": "new_type"})),
        line("1-a", &succeeded("Lake \u{1f980}.")),
    ];
    let server = ended(7, lines.concat()).await;
    insta::assert_snapshot!(answers(&server).await, @r#"
    Some(0) "" The Rhine.
    Some(1) "a" Lake 🦀.
    Some(2) "b" the model's server is overloaded: Busy. (overloaded_error, request req_1)
    Some(3) "" the model failed: its batch was cancelled before it was asked
    Some(4) "" the reply can't be read: an unknown result: {"type":"new_type"}
    Some(10) "" the model's server did not answer in time: its batch expired before it was asked
    None "of-another-program" Hi.
    "#);
    let results = batches(&server).results(ID).await.unwrap();
    let BatchOutcome::Succeeded(reply) = &results[0].outcome else { panic!("{results:?}") };
    assert_eq!((reply.usage.output_tokens, reply.id.as_deref()), (2, Some("msg_1")));
    let BatchOutcome::Errored(error) = &results[2].outcome else { panic!("{results:?}") };
    assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Overloaded, true));
}

#[tokio::test]
async fn results_that_break_off_are_asked_for_again() {
    let server = MockServer::start().await;
    let url = format!("/v1/messages/batches/{ID}");
    Mock::given(path(&url)).respond_with(batch("ended", 2)).mount(&server).await;
    let (first, second) = (line("1", &succeeded("b")), line("0", &succeeded("a")));
    for (results, times) in [(first.clone(), 1), (first.clone() + &second[..20], 1), (first + &second, 9)] {
        let results = ResponseTemplate::new(200).set_body_raw(results, "application/x-jsonl");
        let results = Mock::given(path(format!("{url}/results"))).respond_with(results);
        results.up_to_n_times(times).mount(&server).await;
    }
    assert_eq!(answers(&server).await, "Some(0) \"\" a\nSome(1) \"\" b\n");
    assert_eq!(server.received_requests().await.unwrap().len(), 4);

    let server = ended(3, line("0", &succeeded("a"))).await;
    let error = batches(&server).results(ID).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Incomplete);
    assert!(error.message.starts_with("1 of 3 results came; given up after 3 attempts"), "{error}");
}

#[tokio::test]
async fn results_can_be_read_one_by_one() {
    let blank = "\r\n\n".to_owned();
    let lines = blank.clone() + &line("1", &succeeded("b")) + &blank + line("0", &succeeded("a")).trim();
    let server = ended(2, lines).await;
    let batches = batches(&server);
    let results: Vec<_> = batches.results_as_sent(ID).try_collect().await.unwrap();
    let positions: Vec<_> = results.iter().map(|result| result.position).collect();
    assert_eq!(positions, [Some(1), Some(0)]);
    let mut wrong = std::pin::pin!(batches.results_as_sent("a/b"));
    assert_eq!(wrong.next().await.unwrap().unwrap_err().kind, LlmErrorKind::InvalidRequest);
    assert!(wrong.next().await.is_none());
}

#[tokio::test]
async fn one_result_has_the_bounds_of_a_reply_and_all_of_them_may_have_more() {
    let lines: Vec<String> = (0..100).map(|id| line(&id.to_string(), &succeeded(&"a".repeat(100)))).collect();
    let server = ended(100, lines.concat()).await;
    let with = |bytes: usize| settings(server.uri()).longest_reply(bytes).build().unwrap().batches();
    let long = with(100);
    let results: Vec<_> = long.results_as_sent(ID).collect().await;
    assert_eq!(results.len(), 1, "after an error there is nothing more");
    assert_eq!(results[0].as_ref().unwrap_err().kind, LlmErrorKind::TooLong);
    let whole: usize = lines.iter().map(String::len).sum();
    assert_eq!(with(whole).results(ID).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_batch_is_asked_for_waited_for_cancelled_listed_and_deleted_by_its_id() {
    let server = MockServer::start().await;
    let url = format!("/v1/messages/batches/{ID}");
    let cancelled = Mock::given(method("POST")).and(path(format!("{url}/cancel")));
    cancelled.respond_with(batch("canceling", 2)).mount(&server).await;
    Mock::given(method("GET")).and(path(&url)).respond_with(batch("ended", 2)).mount(&server).await;
    let deleted =
        ResponseTemplate::new(200).set_body_json(json!({"id": ID, "type": "message_batch_deleted"}));
    Mock::given(method("DELETE")).and(path(&url)).respond_with(deleted).mount(&server).await;
    let list = json!({"data": [{"id": "msgbatch_2", "processing_status": "paused"}], "has_more": false});
    let list = ResponseTemplate::new(200).set_body_json(list);
    Mock::given(method("GET")).and(path("/v1/messages/batches")).respond_with(list).mount(&server).await;

    let batches = batches(&server);
    assert_eq!(batches.cancel(ID).await.unwrap().status, BatchStatus::Canceling);
    let ended: Batch = batches.wait(ID).await.unwrap();
    assert!(ended.is_ended());
    assert_eq!((ended.counts.succeeded, ended.counts.total()), (2, 2));
    assert_eq!(batches.get(ID).await.unwrap(), ended);
    let listed = batches.list().await.unwrap();
    assert_eq!(listed[0].status, BatchStatus::Other("paused".to_owned()));
    batches.delete(ID).await.unwrap();
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_refused_and_so_are_results_before_the_end() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(batch("in_progress", 2)).mount(&server).await;
    let batches = batches(&server);
    for id in ["", "..", "a/../../x", "a?b", "a%2Fb", "é"] {
        let error = batches.get(id).await.unwrap_err();
        assert_eq!(error.kind, LlmErrorKind::InvalidRequest, "{id}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
    let error = batches.results(ID).await.unwrap_err();
    insta::assert_snapshot!(error.message, @r#"the batch "msgbatch_1" has not ended: call `wait` before `results`"#);
}

/// What comes of making a batch when the server answers so at first, and how often it was asked.
async fn made_after(answer: ResponseTemplate) -> (Result<Batch, LlmError>, usize) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(batch("in_progress", 1)).mount(&server).await;
    let made = batches(&server).create([ask("hi")]).await;
    (made, server.received_requests().await.unwrap().len())
}

#[tokio::test]
async fn a_batch_is_not_made_twice() {
    for refused in [429, 529] {
        let (made, requests) = made_after(ResponseTemplate::new(refused)).await;
        assert_eq!((made.unwrap().id.as_str(), requests), (ID, 2), "{refused}");
    }
    for unsure in [500, 504, 408] {
        let (made, requests) = made_after(ResponseTemplate::new(unsure)).await;
        let error = made.unwrap_err();
        assert!(
            error.message.ends_with("; the batch may have been made all the same: look in `list`"),
            "{error}"
        );
        assert_eq!((error.is_retryable(), requests), (false, 1), "{unsure}");
    }
    let (made, requests) = made_after(ResponseTemplate::new(400)).await;
    assert_eq!((made.unwrap_err().kind, requests), (LlmErrorKind::InvalidRequest, 1));
    let cut = ResponseTemplate::new(200).set_body_raw("{\"id\":", "application/json");
    assert_eq!(made_after(cut).await.1, 1);
}

#[tokio::test]
async fn a_batch_that_could_not_be_signed_is_made_with_the_next_signature() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(batch("in_progress", 1)).mount(&server).await;
    let attempts = std::sync::atomic::AtomicU32::new(0);
    let signer = bearer(move || match attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => std::future::ready(Err(SignError::temporary("no token server"))),
        _ => std::future::ready(Ok("token".to_owned())),
    });
    let policy = RetryPolicy::default().first_wait(Duration::ZERO);
    let claude = settings(server.uri()).retry(policy).signer(signer).build().unwrap();
    claude.batches().create([ask("hi")]).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_too_large_for_the_api_is_not_sent() {
    let server = MockServer::start().await;
    let none: [Request; 0] = [];
    let error = batches(&server).create(none).await.unwrap_err();
    insta::assert_snapshot!(error.message, @"a batch needs at least one request");
    let error = batches(&server).create([("a", ask("1")), ("a", ask("2"))]).await.unwrap_err();
    insta::assert_snapshot!(error.message, @r#"request 1 of the batch: the id "a" is there already"#);
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}
