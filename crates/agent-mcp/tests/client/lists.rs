//! Which tools a server has.

use std::time::Duration;

use agent_core::{Context, Outcome, Tool};
use agent_mcp::{McpErrorKind, McpServer, McpTool, Revision, tools_of};
use serde_json::json;

use super::scripted::{REVISIONS, server, wait_for};

pub(super) fn tool(server: &McpServer, name: &str) -> McpTool {
    server.tools().into_iter().find(|tool| tool.original_name() == name).unwrap()
}

fn names(tools: &[McpTool]) -> Vec<&str> {
    tools.iter().map(|tool| tool.spec().name.as_str()).collect()
}

#[tokio::test]
async fn both_revisions_are_negotiated_and_all_pages_are_read() {
    for revision in REVISIONS {
        let folder = tempfile::tempdir().unwrap();
        let server = server(revision, folder.path()).connect().await.unwrap();
        let tools = server.tools();
        let expected = [
            "echo",
            "slow",
            "dies",
            "dies_again",
            "asks",
            "asks_yes",
            "asks_words",
            "sends",
            "samples",
            "fails",
            "grows",
            "typed",
        ];
        assert_eq!(names(&tools), expected, "{revision}");
        let spec = tools[0].spec();
        assert_eq!((spec.description.as_str(), spec.read_only), ("Says it again.", false));
    }
}

#[tokio::test]
async fn a_revision_that_the_server_does_not_speak_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let wrong =
        server("2025-11-25", folder.path()).revision(Revision::Stateless).connect().await.unwrap_err();
    assert!(matches!(wrong.kind, McpErrorKind::Connect(_)), "{wrong}");
    assert!(wrong.to_string().starts_with("MCP server \"scripted\": no connection: "), "{wrong}");
}

#[tokio::test]
async fn the_program_chooses_and_changes_tools() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || server("2026-07-28", folder.path()).trusted();
    let chosen = settings().only(["echo", "dies"]).without(["dies"]).prefixed().connect().await.unwrap();
    assert_eq!(names(&chosen.tools()), ["scripted_echo"]);
    assert!(chosen.tools()[0].spec().read_only);

    let unread = settings().tool("echo", |spec| spec.read_only = false).connect().await.unwrap();
    assert!(!tool(&unread, "echo").spec().read_only);

    let wrong = settings().without(["ehco"]).connect().await.unwrap_err();
    assert!(
        wrong.to_string().contains("has no tool \"ehco\", which the settings name; it has echo, slow"),
        "{wrong}"
    );
}

#[tokio::test]
async fn fault_12_names_that_two_servers_share_get_prefixes() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |name: &str| server("2026-07-28", folder.path()).named(name);
    let one = settings("one").only(["echo", "slow"]).connect().await.unwrap();
    let two = settings("two").only(["echo", "fails"]).connect().await.unwrap();
    assert_eq!(names(&tools_of([&one, &two]).unwrap()), ["one_echo", "slow", "two_echo", "fails"]);
    assert_eq!(tools_of([&one, &one.clone()]).unwrap_err().kind, McpErrorKind::SameName);
}

#[tokio::test]
async fn fault_21_a_list_that_changes_is_read_again_and_a_tool_that_is_gone_is_an_error_result() {
    for revision in REVISIONS {
        let folder = tempfile::tempdir().unwrap();
        let server = server(revision, folder.path()).connect().await.unwrap();
        if revision == REVISIONS[1] {
            wait_for(folder.path(), "listening").await;
        }
        let (echo, slow) = (tool(&server, "echo"), tool(&server, "slow"));
        let call = |tool: McpTool, input| async move { tool.call(input, Context::by_hand("c")).await };
        call(tool(&server, "grows"), json!({}).into()).await;
        let changed = tokio::time::timeout(Duration::from_secs(20), server.changed(0)).await;
        assert_eq!(changed.expect("the list is read again"), 1);
        assert!(server.tools().iter().any(|tool| tool.original_name() == "grown"), "{revision}");

        // What an agent has kept.
        let gone = call(slow, json!({}).into()).await;
        let expected = "not called: the server \"scripted\" offers no tool \"slow\" any more";
        assert_eq!(gone, Outcome::error(expected));
        assert_eq!(call(echo.clone(), json!({"text": "a", "n": 9}).into()).await, Outcome::output("a"));
        let Outcome::Error(why) = call(echo, json!({"text": "a", "n": 10}).into()).await else { panic!() };
        let why = why.to_text();
        assert!(
            why.contains(
                "at /n: must be <=9, but got 10; the tool has changed, and its input must now fit {"
            ),
            "{why}"
        );
    }
}
