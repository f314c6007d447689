//! Requests that are rewritten and signed.

use std::{
    future::{pending, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
};

use agent_llm::{
    Claude, ClaudeBuilder, Delta, Key, LlmError, LlmErrorKind, Notice, RetryPolicy, fold,
    transport::{HttpClient, OutgoingRequest, Sign, SignError, async_trait, bearer},
};
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::common::{HELLO, SOON, ask, ask_claude, hi, server, settings, streamed};

/// A client of this server that has no key of its own, and retries without a wait.
fn unkeyed(server: &MockServer) -> ClaudeBuilder {
    Claude::builder().base_url(server.uri()).retry(RetryPolicy::default().first_wait(Duration::ZERO))
}

/// Gives a new token for each attempt: `token-of-the-test-1` and so on.
fn tokens() -> impl Sign {
    let given = AtomicU32::new(0);
    bearer(move || {
        let token = format!("token-of-the-test-{}", given.fetch_add(1, SeqCst) + 1);
        ready(Ok(token))
    })
}

/// What was sent in this header, one item a request.
async fn sent(server: &MockServer, header: &str) -> Vec<Option<String>> {
    let requests = server.received_requests().await.unwrap();
    let value = |name: &str, request: &wiremock::Request| {
        request.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    requests.iter().map(|request| value(header, request)).collect()
}

/// A server that is busy once.
async fn busy_once() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(529)).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(streamed(HELLO)).mount(&server).await;
    server
}

#[tokio::test]
async fn each_attempt_is_signed_anew_and_no_key_is_sent() {
    let server = busy_once().await;
    ask(unkeyed(&server).signer(tokens())).await.unwrap();
    let token = |count: u32| Some(format!("Bearer token-of-the-test-{count}"));
    assert_eq!(sent(&server, "authorization").await, [token(1), token(2)]);
    assert_eq!(sent(&server, "x-api-key").await, [None, None]);
}

#[tokio::test]
async fn a_key_is_sent_where_the_server_wants_it() {
    let check = async |key: Key, header: &str, value: &str| {
        let server = server(streamed(HELLO)).await;
        ask(unkeyed(&server).key(key)).await.unwrap();
        assert_eq!(sent(&server, header).await, [Some(value.to_owned())]);
        let own = sent(&server, "x-api-key").await;
        assert_eq!(own.iter().flatten().count(), usize::from(header == "x-api-key"));
    };
    check("k-1".into(), "x-api-key", "k-1").await;
    check(Key::bearer("k-1"), "authorization", "Bearer k-1").await;
    check(Key::in_header("api-key", "k-1"), "api-key", "k-1").await;
}

/// Writes down what it was given, and adds a header that says how long the body was.
struct Noting(Arc<std::sync::Mutex<Vec<String>>>);

#[async_trait]
impl Sign for Noting {
    async fn sign(&self, request: &mut OutgoingRequest) -> Result<(), SignError> {
        let (method, url) = (request.method(), request.url());
        let body = String::from_utf8_lossy(request.body());
        self.0.lock().unwrap().push(format!("{method} {} {:?} {body}", url.path(), url.query()));
        let length = request.body().len().to_string();
        request.headers_mut().insert("x-signed-length", length.parse().unwrap());
        Ok(())
    }
}

/// Moves messages elsewhere, and the model into the path.
fn elsewhere(request: &mut OutgoingRequest) -> Result<(), LlmError> {
    let mut fields = request.fields()?;
    let model = fields.remove("model").map(|model| model.parse::<String>().unwrap()).unwrap();
    let path = format!("models/{model}:{}", request.path().replace('/', "-"));
    request.set_fields(&fields);
    request.set_path(path);
    request.headers_mut().remove("anthropic-version");
    Ok(())
}

#[tokio::test]
async fn what_is_signed_is_what_is_sent_after_the_rewrite() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::path("/base/models/m-1:v1-messages"))
        .respond_with(streamed(HELLO))
        .mount(&server)
        .await;
    let count = ResponseTemplate::new(200).set_body_json(json!({"input_tokens": 7}));
    Mock::given(any()).respond_with(count).mount(&server).await;
    let noted = Noting(Arc::default());
    let seen = noted.0.clone();
    let claude = unkeyed(&server)
        .base_url(format!("{}/base?api-version=1", server.uri()))
        .model("m-1")
        .rewrite(elsewhere)
        .signer(noted)
        .build()
        .unwrap();
    ask_claude(&claude).await.unwrap();
    assert_eq!(claude.count_tokens(&hi()).await.unwrap(), 7);
    let seen = seen.lock().unwrap().join("\n");
    insta::assert_snapshot!(seen, @r#"
    POST /base/models/m-1:v1-messages Some("api-version=1") {"max_tokens":8000,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}
    POST /base/models/m-1:v1-messages-count_tokens Some("api-version=1") {"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}
    "#);
    let requests = server.received_requests().await.unwrap();
    for (request, signed) in requests.iter().zip(seen.lines()) {
        let body = String::from_utf8_lossy(&request.body);
        assert!(signed.ends_with(&*body), "{signed}");
        assert_eq!(request.headers["x-signed-length"], body.len().to_string());
        assert_eq!(request.url.query(), Some("api-version=1"));
        assert!(!request.headers.contains_key("anthropic-version"));
    }
}

#[tokio::test]
async fn an_error_of_a_rewrite_ends_the_request() {
    let server = server(streamed(HELLO)).await;
    let refuse = |request: &mut OutgoingRequest| {
        let message = format!("there is no {}", request.path());
        Err(LlmError::new(LlmErrorKind::Configuration, message))
    };
    let error = ask(unkeyed(&server).key("k").rewrite(refuse)).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (LlmErrorKind::Configuration, "there is no v1/messages")
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_signer_says_whether_its_failure_may_pass() {
    let check = async |error: SignError, requests: usize, expected: &str| {
        let server = server(streamed(HELLO)).await;
        let attempts = AtomicU32::new(0);
        let signer = bearer(move || match attempts.fetch_add(1, SeqCst) {
            0 => ready(Err(error.clone())),
            _ => ready(Ok("token".to_owned())),
        });
        let reply = ask(unkeyed(&server).signer(signer)).await;
        let said = reply.map_or_else(|error| error.to_string(), |reply| crate::common::text(&reply));
        assert_eq!((said.as_str(), server.received_requests().await.unwrap().len()), (expected, requests));
    };
    check(SignError::temporary("no token server"), 1, "Hello!").await;
    let refused =
        "the model backend is not set up: the request could not be signed: there are no credentials";
    check(SignError::permanent("there are no credentials"), 0, refused).await;
}

#[tokio::test]
async fn fault_34_what_a_signer_adds_shows_nowhere() {
    let echo = |token: &str| {
        let error = json!({"type": "error", "error": {"type": "api_error", "message": format!("{token}?")}});
        let event = format!("event: error\ndata: {error}\n\n");
        let status = ResponseTemplate::new(400).insert_header("request-id", token).set_body_json(&error);
        [status, streamed(&event), ResponseTemplate::new(200).set_body_raw(token, "text/html")]
    };
    for answer in echo("token-of-the-test-1") {
        let server = server(answer).await;
        let claude = unkeyed(&server).max_retries(0).signer(tokens()).build().unwrap();
        let error = ask_claude(&claude).await.unwrap_err();
        let all = format!("{claude:?} {error} {error:?}");
        assert!(all.contains("[key]") && !all.contains("token-of"), "{all}");
    }
}

/// Says when it is dropped.
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[tokio::test]
async fn a_signer_that_takes_too_long_meets_the_time_limits_and_is_given_up_with_the_request() {
    let server = server(streamed(HELLO)).await;
    let never = || bearer(pending);
    let streamed = ask(unkeyed(&server).max_retries(0).signer(never()).first_byte_timeout(SOON)).await;
    insta::assert_snapshot!(streamed.unwrap_err().message, @"no byte of a reply within 60ms (first byte timeout); the signer has not signed the request yet");
    let whole = unkeyed(&server).max_retries(0).signer(never()).streaming(false).total_timeout(SOON);
    insta::assert_snapshot!(ask(whole).await.unwrap_err().message, @"no whole reply within 60ms (total timeout); the signer has not signed the request yet");

    let dropped = Arc::new(AtomicBool::new(false));
    let guarded = dropped.clone();
    let signer = bearer(move || {
        let guard = Guard(guarded.clone());
        async move {
            let _guard = guard;
            pending().await
        }
    });
    let claude = unkeyed(&server).signer(signer).build().unwrap();
    let mut reply = agent_llm::Llm::stream(&claude, hi());
    let sent = reply.next().await.unwrap().unwrap();
    assert!(matches!(sent, Delta::Notice(Notice::Sent { .. })), "{sent:?}");
    assert!(futures::poll!(reply.next()).is_pending());
    assert!(!dropped.load(SeqCst));
    drop(reply);
    assert!(dropped.load(SeqCst));
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_backend_of_ones_own_signs_too() {
    let server = server(ResponseTemplate::new(200).set_body_json(json!({"tokens": 3}))).await;
    let client = HttpClient::builder(server.uri()).signer(tokens()).build().unwrap();
    let answer: Value = client.json("count", &json!({})).await.unwrap();
    assert_eq!(answer["tokens"], 3);
    assert_eq!(sent(&server, "authorization").await, [Some("Bearer token-of-the-test-1".to_owned())]);
}

#[tokio::test]
async fn a_signer_stays_when_other_settings_change() {
    let server = server(streamed(HELLO)).await;
    let claude = settings(server.uri()).signer(tokens()).build().unwrap();
    let other = claude.with(|settings| settings.model("m-2")).unwrap();
    fold(agent_llm::Llm::stream(&other, hi()), |_| {}).await.unwrap();
    assert_eq!(sent(&server, "authorization").await, [Some("Bearer token-of-the-test-1".to_owned())]);
}
