//! Servers over HTTP.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use agent_core::{Context, Outcome, Tool};
use agent_mcp::{McpErrorKind, McpServer, OAuth};
use serde_json::json;

use super::{lists::tool, web::Web};

async fn call(server: &McpServer, name: &str) -> Outcome {
    tool(server, name).call(json!({}).into(), Context::by_hand("c")).await
}

#[tokio::test]
async fn headers_and_tokens_are_sent_with_each_request() {
    let web = Web::start().await;
    web.seen().accepts = Some("token-of-mine".to_owned());
    let settings = McpServer::http(web.url()).bearer("token-of-mine").header("x-tenant", "seven");
    let server = settings.connect().await.unwrap();
    assert_eq!(call(&server, "where").await, Outcome::output("on the web"));
    let seen = web.seen();
    assert_eq!(seen.methods, ["server/discover", "tools/list", "tools/call"]);
    assert!(seen.headers.iter().all(|headers| headers["x-tenant"] == "seven"));
}

#[tokio::test]
async fn a_token_that_is_missing_or_wrong_is_an_error_that_says_what_to_do() {
    let web = Web::start().await;
    web.seen().accepts = Some("the-right-token".to_owned());
    let missing = McpServer::http(web.url()).connect().await.unwrap_err();
    assert!(matches!(missing.kind, McpErrorKind::Authorization(_)), "{missing}");
    assert!(missing.to_string().contains("give it with `bearer`, `header` or `oauth`"), "{missing}");
    let wrong = McpServer::http(web.url()).bearer("the-wrong-token").connect().await.unwrap_err();
    assert!(wrong.to_string().contains("the server refuses the authorization that was given"), "{wrong}");
    assert!(!wrong.to_string().contains("the-wrong-token"), "{wrong}");
}

/// A user who allows everything, and how often one was asked.
fn user(asked: &Arc<AtomicU32>) -> OAuth {
    let asked = asked.clone();
    OAuth::new("http://localhost:1/callback", move |address: String| {
        asked.fetch_add(1, Ordering::Relaxed);
        let state = address.split(['?', '&']).find_map(|part| part.strip_prefix("state=")).map(str::to_owned);
        async move {
            let state = state.ok_or("the address has no state")?;
            Ok::<_, &str>(format!("http://localhost:1/callback?code=yes&state={state}"))
        }
    })
}

#[tokio::test]
async fn a_user_is_asked_once_and_tokens_are_refreshed() {
    let web = Web::start().await;
    web.seen().accepts = Some("none yet".to_owned());
    let asked = Arc::new(AtomicU32::new(0));
    let server = McpServer::http(web.url()).oauth(user(&asked)).connect().await.unwrap();
    assert_eq!(call(&server, "where").await, Outcome::output("on the web"));
    assert_eq!(web.seen().grants, ["authorization_code"]);

    // The server takes the token back. The refresh token gets another one.
    web.seen().accepts = Some("another".to_owned());
    assert_eq!(call(&server, "where").await, Outcome::output("on the web"));
    assert_eq!(web.seen().grants, ["authorization_code", "refresh_token"]);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_user_who_says_no_is_an_error() {
    let web = Web::start().await;
    web.seen().accepts = Some("none yet".to_owned());
    let no = OAuth::new("http://localhost:1/callback", |_| async { Err::<String, _>("the user said no") });
    let wrong = McpServer::http(web.url()).oauth(no).connect().await.unwrap_err();
    assert!(wrong.to_string().contains("the user said no"), "{wrong}");
}

#[tokio::test]
async fn a_program_gets_tokens_without_a_user() {
    let web = Web::start().await;
    web.seen().accepts = Some("none yet".to_owned());
    let oauth = OAuth::client_credentials("a-client", "its-secret");
    let server = McpServer::http(web.url()).oauth(oauth).connect().await.unwrap();
    assert_eq!(call(&server, "where").await, Outcome::output("on the web"));
    assert_eq!(web.seen().grants, ["client_credentials"]);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled() {
    let web = Web::start().await;
    let server = McpServer::http(web.url()).connect().await.unwrap();
    let (never, context) = (tool(&server, "never"), Context::by_hand("c"));
    let call = tokio::spawn(async move { never.call(json!({}).into(), context).await });
    web.wait_for("tools/call").await;
    call.abort();
    // With the newest revision, the end of the request's connection is how a server is told.
    web.wait_for("disconnected").await;
}
