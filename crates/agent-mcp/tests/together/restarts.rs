//! Servers over HTTP that are started again.

use std::hash::{BuildHasher, RandomState};

use agent_core::{Context, Outcome, Tool};
use agent_mcp::{McpServer, Revision, serve_tools};
use agent_tools::FnTool;
use axum::Router;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

/// Serves one tool, which says the name of its server.
fn serves(listener: TcpListener, name: &'static str) -> JoinHandle<()> {
    let tool = FnTool::new("who", "Says who it is.", move |(): ()| name);
    let router = Router::new().route_service("/mcp", serve_tools([tool]).http().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

/// With the older revision, the server has forgotten the session of its client.
#[tokio::test]
async fn a_server_that_is_started_again_is_used_again() {
    for revision in [Revision::Initialized, Revision::Stateless] {
        // A port that systems don't give to outgoing connections.
        let listener = loop {
            let port = 10_000 + RandomState::new().hash_one(0) % 10_000;
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", port as u16)).await {
                break listener;
            }
        };
        let address = listener.local_addr().unwrap();
        let serving = serves(listener, "the first");
        let settings = McpServer::http(format!("http://{address}/mcp")).named("who").revision(revision);
        let server = settings.connect().await.unwrap();
        let who = server.tools().remove(0);
        let call = async |tool: &agent_mcp::McpTool| tool.call(json!({}).into(), Context::by_hand("c")).await;
        assert_eq!(call(&who).await, Outcome::output("the first"));

        serving.abort();
        let _ = serving.await;
        let Outcome::Error(why) = call(&who).await else { panic!("nobody serves") };
        let why = why.to_text();
        assert!(
            why.starts_with("\"who\" of the server \"who\" failed: the server can't be reached: "),
            "{why}"
        );
        assert!(why.to_lowercase().contains("connection refused"), "{why}");

        let _serving = serves(TcpListener::bind(address).await.unwrap(), "the second");
        assert_eq!(call(&who).await, Outcome::output("the second"), "{revision:?}");
    }
}
