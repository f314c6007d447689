//! What is sent: address, headers, body.

use agent_llm::{Block, Cache, Claude, Json, Llm, Message, Request, Role, ToolChoice, ToolSpec, fold};
use serde_json::{Value, json};
use wiremock::{MockServer, Request as Received, ResponseTemplate};

use crate::common::{HELLO, KEY, ask, ask_claude, hi, server, settings, streamed};

async fn received(server: &MockServer) -> Received {
    let mut all = server.received_requests().await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Path and the API's headers, the key's too, one a line.
fn head(request: &Received) -> String {
    let shown =
        ["x-api-key", "anthropic-version", "anthropic-beta", "content-type", "accept", "user-agent", "x-own"];
    let headers = shown.iter().filter_map(|name| {
        let value = request.headers.get(*name)?.to_str().unwrap();
        Some(format!("\n{name}: {value}"))
    });
    format!("{} {}{}", request.method, request.url.path(), headers.collect::<String>())
}

#[tokio::test]
async fn a_request_has_the_apis_address_and_headers() {
    let server = server(streamed(HELLO)).await;
    ask(settings(server.uri())).await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let head = head(&received(&server).await).replace(&format!("agent-llm/{version}"), "agent-llm/VERSION");
    insta::assert_snapshot!(head, @"
    POST /v1/messages
    x-api-key: sk-ant-s3cret
    anthropic-version: 2026-10-21
    content-type: application/json
    accept: text/event-stream
    user-agent: agent-llm/VERSION
    ");
}

#[tokio::test]
async fn betas_headers_version_and_a_path_of_ones_own() {
    let server = server(streamed(HELLO)).await;
    let settings = settings(format!("{}/gateway/", server.uri()))
        .version("2023-06-01")
        .beta("one-2026-01-01")
        .beta("two-2026-02-02")
        .header("X-Own", "mine")
        .header("user-agent", "me");
    ask(settings).await.unwrap();
    insta::assert_snapshot!(head(&received(&server).await), @"
    POST /gateway/v1/messages
    x-api-key: sk-ant-s3cret
    anthropic-version: 2023-06-01
    anthropic-beta: one-2026-01-01,two-2026-02-02
    content-type: application/json
    accept: text/event-stream
    user-agent: me
    x-own: mine
    ");
}

#[tokio::test]
async fn the_body_says_whether_to_stream() {
    let server = server(streamed(HELLO)).await;
    ask(settings(server.uri())).await.unwrap();
    let body: Value = received(&server).await.body_json().unwrap();
    assert_eq!(
        body,
        json!({"model": "claude-sonnet-5-5", "max_tokens": 8000, "stream": true,
               "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]})
    );
}

#[tokio::test]
async fn a_client_with_other_settings_keeps_the_rest() {
    let server = server(streamed(HELLO)).await;
    let claude = settings(server.uri()).build().unwrap();
    let other = claude.with(|settings| settings.model("claude-haiku-5-5")).unwrap();
    ask_claude(&other).await.unwrap();
    let request = received(&server).await;
    assert_eq!(request.headers["x-api-key"], KEY);
    assert_eq!(request.body_json::<Value>().unwrap()["model"], "claude-haiku-5-5");
    let wrong = claude.with(|settings| settings.base_url("nowhere")).unwrap_err();
    assert!(wrong.to_string().contains("nowhere"), "{wrong}");
}

#[tokio::test]
async fn nothing_is_sent_before_the_stream_is_read() {
    let server = server(streamed(HELLO)).await;
    let claude: Claude = settings(server.uri()).build().unwrap();
    drop(claude.stream(hi()));
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
    fold(claude.stream(hi()), |_| {}).await.unwrap();
    received(&server).await;
}

/// A request that says what can be said about one.
fn full() -> Request {
    let marker = json!({"type": "ephemeral", "ttl": "1h"});
    let mut request = Request::new(vec![
        Message::user(vec![Block::image("image/png", "iVBO"), Block::text("What is it?")]),
        Message::assistant("A cat."),
        Message::new(Role::System, "From here on, in French."),
        Message::user("Again, please."),
    ]);
    let base = Block::text("You know animals.").with("cache_control", marker.clone());
    request.system = vec![base.unwrap(), Block::text("Be brief.")];
    let mut look = ToolSpec::new("look", "Looks again.", json!({"type": "object"}));
    let examples = json!([{"at": "its ears"}]);
    let fields = [("strict", json!(true)), ("input_examples", examples), ("defer_loading", json!(false))];
    let more = [("eager_input_streaming", json!(true)), ("cache_control", marker)];
    look.extra.extend(fields.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value.into())));
    request.tools = [look].into();
    let search = r#"{"type":"web_search_20260318","name":"web_search","max_uses":5}"#;
    request.server_tools = [Json::read(search).unwrap()].into();
    request.max_tokens = 20_000;
    request.container = Some("container_1".to_owned());
    request
}

#[tokio::test]
async fn what_can_be_said() {
    let server = server(ResponseTemplate::new(500)).await;
    let claude = settings(server.uri())
        .model("claude-opus-5-5")
        .beta("context-management-2025-06-27")
        .tool_choice(ToolChoice::Auto)
        .disable_parallel_tool_use(true)
        .cache(Cache::OneHour)
        .stop_sequences(["FIN"])
        .thinking(json!({"type": "adaptive"}))
        .service_tier("standard_only")
        .metadata(json!({"user_id": "u-1"}))
        .output_config(json!({"effort": "low"}))
        .extra("context_management", json!({"edits": [{"type": "clear_tool_uses_20250919"}]}))
        .extra("inference_geo", json!("eu"))
        .build()
        .unwrap();
    fold(claude.stream(full()), |_| {}).await.unwrap_err();
    claude.count_tokens(&full()).await.unwrap_err();
    for (name, request) in ["reply", "count"].iter().zip(server.received_requests().await.unwrap()) {
        let said = json!({"beta": request.headers["anthropic-beta"].to_str().unwrap(),
                          "body": request.body_json::<Value>().unwrap()});
        insta::assert_json_snapshot!(format!("what_can_be_said_for_a_{name}"), said);
    }
}
