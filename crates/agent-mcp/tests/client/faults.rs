//! Faults that agents in the field had, as far as MCP servers can cause them. The numbers are those of
//! docs/faults.md.

use std::time::Duration;

use agent_core::{
    Agent,
    script::{Reply, Script},
};
use agent_mcp::{McpErrorKind, McpServer};
use axum::{Router, http::StatusCode, response::Html, routing::post};
use serde_json::json;

use super::{
    odd::{HUGE, odd},
    results,
};

/// Longer than anything may take here.
const LONG: Duration = Duration::from_secs(20);

/// What the model reads as the result of a call of this tool.
async fn read(name: &'static str) -> String {
    let server = odd("").connect().await.unwrap();
    let script = Script::new([Reply::call(name, json!({})), Reply::text("Done.")]);
    let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    results(&conversation).remove(0)
}

#[tokio::test]
async fn fault_7_a_server_that_fails_and_says_nothing_is_an_error_that_says_so() {
    assert_eq!(read("nothing").await, "the tool failed and said nothing");
}

#[tokio::test]
async fn fault_12_a_tool_that_a_server_lists_twice_is_one_tool() {
    let server = odd("").connect().await.unwrap();
    let count = server.tools().iter().filter(|tool| tool.original_name() == "nothing").count();
    assert_eq!(count, 1);
}

/// Each request is given up: when the server is started, when its list is read, and later.
#[tokio::test]
async fn fault_24_a_server_that_is_silent_is_given_up() {
    // Long enough to start it.
    for (silent, asked, limit) in
        [("initialize", "the handshake", 3_000), ("tools/list", "tools/list", 3_000)]
    {
        let limit = Duration::from_millis(limit);
        let connected = odd(silent).connect_timeout(limit).connect();
        let error = tokio::time::timeout(LONG, connected).await.expect(silent).unwrap_err();
        // Such a server often waits for somebody to answer it.
        let expected = format!(
            "MCP server \"odd\": no answer to {asked} within {limit:?}; a longer time can be set with \
             `connect_timeout`. Its last lines were: may I download it? (y)"
        );
        let error = error.to_string();
        assert!(error.starts_with(&expected), "{error}");
    }
    let limit = Duration::from_millis(300);
    let server = odd("resources/read").call_timeout(limit).connect().await.unwrap();
    let error = tokio::time::timeout(LONG, server.read_resource("file:///a")).await.unwrap().unwrap_err();
    let McpErrorKind::Timeout { request, setting, .. } = error.kind else { panic!("{error}") };
    assert_eq!((&*request, setting), ("resources/read", "call_timeout"));
}

/// This test program without a server in it: it writes lines that are no messages, and ends.
#[tokio::test]
async fn a_program_that_is_no_server_is_said_to_have_closed_the_connection() {
    let program = std::env::current_exe().unwrap();
    let error = McpServer::command(program, ["--exact", "none"]).named("none").connect().await.unwrap_err();
    let expected = "MCP server \"none\": no connection: the server closed the connection before it answered; is it an \
                    MCP server?";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn fault_25_characters_that_a_server_writes_in_pieces_are_whole() {
    assert_eq!(read("pieces").await, "grüße, 旅行");
}

#[tokio::test]
async fn fault_28_content_of_a_kind_that_is_not_known_is_shown_as_its_json() {
    assert_eq!(read("new_kind").await, "{\"data\":\"xyz\",\"type\":\"hologram\"}seen");
    let expected = "the call was made, but its answer is no result of a call: \"done\"";
    assert_eq!(read("nonsense").await, expected);
    assert_eq!(read("noise").await, "heard");
}

#[tokio::test]
async fn fault_37_html_from_a_proxy_in_the_place_of_a_server_says_so() {
    for (status, expected) in [(StatusCode::BAD_GATEWAY, "502"), (StatusCode::OK, "text/html")] {
        let page = async move || (status, Html("<html><body>Sign in, please.</body></html>"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let router = Router::new().route("/mcp", post(page));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let error = McpServer::http(url).connect().await.unwrap_err().to_string();
        assert!(error.contains("no connection: ") && error.contains(expected), "{error}");
        assert!(!error.contains('\n') && error.len() < 600, "{error}");
    }
}

/// A line of more than 16 MiB is read to its end and dropped, so the connection goes on.
#[tokio::test]
async fn fault_38_an_answer_that_is_too_large_to_be_read_is_given_up() {
    let server = odd("").call_timeout(Duration::from_secs(3)).connect().await.unwrap();
    let replies =
        [Reply::call("too_huge", json!({})), Reply::call("pieces", json!({})), Reply::text("Done.")];
    let script = Script::new(replies);
    let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    assert_eq!(results(&conversation), ["timed out after 3s", "grüße, 旅行"]);
}

#[tokio::test]
async fn fault_38_a_huge_result_of_a_server_is_cut_and_says_so() {
    let read = read("huge").await;
    assert!(read.len() < HUGE / 5, "{}", read.len());
    assert!(read.contains(&format!("[cut: the result has {HUGE} bytes")), "{}", &read[read.len() - 200..]);
}
