//! A server over HTTP, and the authorization server beside it, in this process.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A server at an address of this machine. It ends with the test.
#[derive(Clone)]
pub(super) struct Web(Arc<Inner>);

struct Inner {
    pub(super) address: String,
    state: Mutex<Seen>,
}

/// What the server wants, and what it has seen.
#[derive(Default)]
pub(super) struct Seen {
    /// The token that it accepts; `None` if it wants none.
    pub(super) accepts: Option<String>,
    pub(super) headers: Vec<HeaderMap>,
    pub(super) methods: Vec<String>,
    pub(super) grants: Vec<String>,
    tokens: u32,
}

impl Web {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let web = Self(Arc::new(Inner { address, state: Mutex::default() }));
        let router = Router::new()
            .route("/mcp", post(mcp))
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(authorization_server))
            .route("/register", post(register))
            .route("/token", post(token))
            .with_state(web.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        web
    }

    pub(super) fn url(&self) -> String {
        format!("{}/mcp", self.0.address)
    }

    /// Waits until a method was called.
    pub(super) async fn wait_for(&self, method: &str) {
        let began = Instant::now();
        while !self.seen().methods.iter().any(|seen| seen == method) {
            assert!(began.elapsed() < Duration::from_secs(20), "{method}: {:?}", self.seen().methods);
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.state.lock().unwrap()
    }
}

async fn mcp(State(web): State<Web>, headers: HeaderMap, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let method = message["method"].as_str().unwrap_or_default();
    {
        let mut seen = web.seen();
        seen.methods.push(method.to_owned());
        let token = headers.get("authorization").map(|token| token.to_str().unwrap().to_owned());
        let accepted = seen.accepts.as_ref().map(|token| format!("Bearer {token}"));
        seen.headers.push(headers);
        if accepted.is_some() && token != accepted {
            let challenge = format!(
                "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"",
                web.0.address
            );
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
        }
    }
    let mut result = match method {
        "server/discover" => {
            json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"})
        }
        "tools/list" => {
            let tool = |name| json!({"name": name, "description": name, "inputSchema": {"type": "object"}});
            json!({"tools": [tool("where"), tool("never")], "ttlMs": 0, "cacheScope": "private"})
        }
        "tools/call" if message["params"]["name"] == "never" => {
            let _dropped = Dropped(web.clone());
            std::future::pending().await
        }
        "tools/call" => json!({"content": [{"type": "text", "text": "on the web"}]}),
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    result["resultType"] = json!("complete");
    Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).into_response()
}

/// Says that the client has closed the connection of a request.
struct Dropped(Web);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.seen().methods.push("disconnected".to_owned());
    }
}

async fn resource(State(web): State<Web>) -> Json<Value> {
    Json(json!({"resource": web.url(), "authorization_servers": [web.0.address]}))
}

async fn authorization_server(State(web): State<Web>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", web.0.address);
    Json(json!({
        "issuer": web.0.address, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "registration_endpoint": at("register"), "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"], "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
    }))
}

async fn register(Json(mut client): Json<Value>) -> (StatusCode, Json<Value>) {
    client["client_id"] = json!("a-client");
    (StatusCode::CREATED, Json(client))
}

/// Each grant gives a new token, and only the newest is accepted.
async fn token(State(web): State<Web>, body: String) -> Json<Value> {
    let mut seen = web.seen();
    let grant = body.split('&').find_map(|part| part.strip_prefix("grant_type=")).unwrap();
    seen.grants.push(grant.to_owned());
    seen.tokens += 1;
    let token = format!("token-{}", seen.tokens);
    seen.accepts = Some(token.clone());
    Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "refresh_token": "again"}))
}
