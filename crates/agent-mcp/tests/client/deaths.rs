//! Servers that die.

use agent_core::{Context, Outcome, Tool};
use agent_mcp::{McpErrorKind, McpServer};
use serde_json::json;

use super::{
    lists::tool,
    scripted::{REVISIONS, server, wait_for, written},
};

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    for revision in REVISIONS {
        let folder = tempfile::tempdir().unwrap();
        let settings = server(revision, folder.path()).trusted().env("KEY", "sk-very-secret");
        let server = settings.connect().await.unwrap();
        let call = async |name| tool(&server, name).call(json!({}).into(), Context::by_hand("c")).await;

        // It may have had its effect, so it is not made again, and the model reads why.
        let Outcome::Error(unknown) = call("dies.again").await else { panic!() };
        assert_eq!(
            unknown.to_text(),
            "outcome unknown: the connection ended while \"dies.again\" of the server \"scripted\" was being called; \
             it may have had its effect. Its last lines were: out of memory, with the key [hidden]"
        );
        // The next call starts the server again.
        assert_eq!(call("dies.again").await, Outcome::output("alive"), "{revision}");
        assert_eq!(written(folder.path()).iter().filter(|line| *line == "started").count(), 2);
    }
}

#[tokio::test]
async fn an_idempotent_call_is_made_again() {
    for revision in REVISIONS {
        let folder = tempfile::tempdir().unwrap();
        let server = server(revision, folder.path()).trusted().connect().await.unwrap();
        let outcome = tool(&server, "dies").call(json!({}).into(), Context::by_hand("c")).await;
        assert_eq!(outcome, Outcome::output("alive"));
        let calls: Vec<String> = written(folder.path()).into_iter().filter(|line| line == "dies").collect();
        assert_eq!(calls.len(), 2);
    }
}

#[tokio::test]
async fn no_process_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = server("2026-07-28", folder.path()).connect().await.unwrap();
    let tools = server.tools();
    drop(server);
    // The tools hold the connection.
    let outcome = tools[0].call(json!({"text": "still"}).into(), Context::by_hand("c")).await;
    assert_eq!(outcome, Outcome::output("still"));
    drop(tools);
    wait_for(folder.path(), "ended").await;
}

#[tokio::test]
async fn a_program_that_is_no_server_is_an_error_with_its_last_lines() {
    let wrong = McpServer::command("no-such-program-here", [""; 0]).connect().await.unwrap_err();
    assert!(matches!(wrong.kind, McpErrorKind::Start { .. }), "{wrong}");

    let wrong =
        McpServer::command("sh", ["-c", "echo broken configuration >&2"]).connect().await.unwrap_err();
    let wrong = wrong.to_string();
    assert!(wrong.starts_with("MCP server \"sh\": no connection: "), "{wrong}");
    assert!(wrong.ends_with("Its last lines were: broken configuration"), "{wrong}");
}
