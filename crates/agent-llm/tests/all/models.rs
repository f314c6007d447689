//! The list of models.

use std::time::{Duration, SystemTime};

use agent_llm::{Claude, LlmErrorKind, ModelInfo, RetryPolicy};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path, query_param, query_param_is_missing},
};

use crate::common::{KEY, settings};

fn page(ids: &[&str], has_more: bool) -> ResponseTemplate {
    let data: Vec<Value> = ids.iter().map(|id| json!({"type": "model", "id": id})).collect();
    ResponseTemplate::new(200)
        .set_body_json(json!({"data": data, "has_more": has_more, "last_id": ids.last()}))
}

fn client(server: &MockServer) -> Claude {
    let policy = RetryPolicy::default().first_wait(Duration::ZERO);
    settings(server.uri()).retry(policy).build().unwrap()
}

#[tokio::test]
async fn all_pages_are_followed_and_each_is_retried() {
    let server = MockServer::start().await;
    let list = || Mock::given(method("GET")).and(path("/v1/models")).and(query_param("limit", "1000"));
    let first = || list().and(query_param_is_missing("after_id"));
    first().respond_with(ResponseTemplate::new(529)).up_to_n_times(1).mount(&server).await;
    first().respond_with(page(&["a", "b"], true)).mount(&server).await;
    list().and(query_param("after_id", "b")).respond_with(page(&["c"], false)).mount(&server).await;
    let models = client(&server).models().await.unwrap();
    assert_eq!(models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].headers["x-api-key"], KEY);
    assert!(!requests[0].headers.contains_key("content-type"));
}

#[tokio::test]
async fn what_the_api_says_of_a_model_is_typed_and_all_of_it_is_kept() {
    let server = MockServer::start().await;
    let text = r#"{"type":"model","id":"claude-sonnet-5-5","display_name":"Claude Sonnet 5.5","created_at":"2026-02-03T00:00:00Z","lifecycle":"active","max_input_tokens":200000,"max_tokens":64000,"line":"sonnet","capabilities":{"batch":{"supported":true}}}"#;
    let body =
        format!(r#"{{"data":[{text},{{"id":"m","created_at":7,"max_tokens":"many"}}],"has_more":null}}"#);
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    Mock::given(path("/v1/models")).respond_with(answer).mount(&server).await;
    let models = client(&server).models().await.unwrap();
    let [ModelInfo { id, display_name, created, max_input_tokens, max_tokens, lifecycle, json, .. }, other] =
        models.as_slice()
    else {
        panic!("{models:?}")
    };
    assert_eq!((id.as_str(), display_name.as_deref()), ("claude-sonnet-5-5", Some("Claude Sonnet 5.5")));
    let day = Duration::from_secs(1_770_076_800);
    assert_eq!(*created, Some(SystemTime::UNIX_EPOCH + day));
    assert_eq!(
        (*max_input_tokens, *max_tokens, lifecycle.as_deref()),
        (Some(200_000), Some(64_000), Some("active"))
    );
    assert_eq!(json.text(), text);
    assert_eq!((other.id.as_str(), other.max_tokens), ("m", None));
}

#[tokio::test]
async fn a_list_that_never_ends_is_an_error() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/models")).respond_with(page(&["a"], true)).mount(&server).await;
    let error = settings(server.uri()).build().unwrap().models().await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Malformed);
    insta::assert_snapshot!(error.message, @r#"the list "v1/models" does not go on: two pages end with the same id"#);
}
