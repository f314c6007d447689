use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::Context;
use agent_mcp::{Caller, HttpService, serve_tools};
use agent_tools::{FnTool, math};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

use crate::team::waits;

fn service() -> HttpService {
    serve_tools([math::sum_numbers()]).http().unwrap()
}

fn call(tool: &str, arguments: Value, meta: Value) -> Request {
    let mut meta = meta;
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
    let mut request = post(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}));
    let headers = request.headers_mut();
    headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
    headers.insert("mcp-method", "tools/call".parse().unwrap());
    headers.insert("mcp-name", tool.parse().unwrap());
    request
}

fn post(body: Value) -> Request {
    Request::builder()
        .method(Method::POST)
        .uri("/mcp")
        .header(header::HOST, "localhost:3000")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn initialize() -> Request {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    post(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}))
}

async fn status(service: HttpService, request: Request) -> StatusCode {
    service.oneshot(request).await.unwrap().status()
}

/// The text of the result in a stream of events.
async fn said(response: Response) -> String {
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut messages = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let result = messages.find(|message| message["result"].is_object()).unwrap_or_else(|| panic!("{body}"));
    result["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_this_machine_is_let_in_by_default() {
    let check = async |service: HttpService, name: header::HeaderName, value: &str, expected: u16| {
        let mut request = initialize();
        request.headers_mut().insert(name.clone(), value.parse().unwrap());
        assert_eq!(status(service, request).await.as_u16(), expected, "{name}: {value}");
    };
    for (host, expected) in
        [("localhost:3000", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 403)]
    {
        check(service(), header::HOST, host, expected).await;
    }
    for (origin, expected) in [
        ("http://localhost:3000", 200),
        ("https://127.0.0.1", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ] {
        check(service(), header::ORIGIN, origin, expected).await;
    }
    check(service().allow_host("agents.example"), header::HOST, "agents.example", 200).await;
    check(service().allow_origin("https://app.example:*"), header::ORIGIN, "https://app.example", 200).await;
}

#[tokio::test]
async fn what_strangers_can_make_it_keep_is_limited() {
    assert_eq!(status(service().max_body_bytes(100), initialize()).await, StatusCode::PAYLOAD_TOO_LARGE);
    let service = service().max_sessions(1);
    assert_eq!(status(service.clone(), initialize()).await, StatusCode::OK);
    assert_eq!(status(service.clone(), initialize()).await, StatusCode::SERVICE_UNAVAILABLE);
    // Clients that need no session are served.
    let answer = service.oneshot(call("sum_numbers", json!({"numbers": [1, 2]}), json!({}))).await.unwrap();
    assert_eq!(said(answer.into_response()).await, "3");
}

/// A check of tokens, as a program writes it.
async fn check_token(mut request: Request, next: Next) -> Response {
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let name = match token {
        Some("Bearer token-of-ada") => "ada",
        Some("Bearer token-of-bob") => "bob",
        _ => return StatusCode::UNAUTHORIZED.into_response(),
    };
    request.extensions_mut().insert(Caller::new(name).unwrap());
    next.run(request).await
}

#[tokio::test]
async fn the_program_says_who_calls_and_keys_belong_to_callers() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let whoami = FnTool::new("whoami", "Says who calls.", move |(): (), context: Context| {
        let name = context.get::<Caller>().map_or("nobody", Caller::name).to_owned();
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        async move { format!("{name}, call {number}") }
    });
    let service = serve_tools([whoami]).http().unwrap();
    let router = Router::new().route_service("/mcp", service).layer(from_fn(check_token));
    let ask = async |token: &str| {
        let mut request = call("whoami", json!({}), json!({agent_mcp::IDEMPOTENCY_KEY: "k"}));
        request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        router.clone().oneshot(request).await.unwrap()
    };
    assert_eq!(ask("stolen").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(said(ask("token-of-ada").await).await, "ada, call 1");
    assert_eq!(said(ask("token-of-bob").await).await, "bob, call 2");
    assert_eq!(said(ask("token-of-ada").await).await, "ada, call 1");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_session_belongs_to_its_caller() {
    let router = Router::new().route_service("/mcp", service()).layer(from_fn(check_token));
    let ask = async |token: &str, session: Option<&str>, mut request: Request| {
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        if let Some(session) = session {
            headers.insert("mcp-session-id", session.parse().unwrap());
        }
        router.clone().oneshot(request).await.unwrap()
    };
    let opened = ask("token-of-ada", None, initialize()).await;
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let initialized = || post(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    assert_eq!(ask("token-of-ada", Some(&session), initialized()).await.status(), StatusCode::ACCEPTED);
    for (token, session) in [("token-of-bob", &*session), ("token-of-ada", "no-such-session")] {
        assert_eq!(ask(token, Some(session), initialized()).await.status(), StatusCode::NOT_FOUND, "{token}");
    }
}

/// A client of 2026-07-28 cancels by closing the connection.
#[tokio::test]
async fn a_client_that_goes_stops_its_run() {
    let (waits, begun, stopped) = waits();
    let service = serve_tools([waits]).http().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let router = Router::new().route_service("/mcp", service);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (parts, body) = call("waits", json!({}), json!({})).into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let headers =
        parts.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    let head = format!(
        "POST /mcp HTTP/1.1\r\n{}content-length: {}\r\n\r\n",
        headers.collect::<String>(),
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body).await.unwrap();
    begun.notified().await;
    drop(connection);
    stopped.notified().await;
}
