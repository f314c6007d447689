//! Calls of tools.

use agent_core::{
    Agent, Context, EventKind, Outcome, Tool,
    script::{Reply, Script},
};
use serde_json::json;

use super::{
    lists::tool,
    results,
    scripted::{REVISIONS, server, wait_for, written},
};

#[tokio::test]
async fn results_and_errors_come_back() {
    for revision in REVISIONS {
        let folder = tempfile::tempdir().unwrap();
        let server = server(revision, folder.path()).connect().await.unwrap();
        let call = async |name, input: serde_json::Value| {
            tool(&server, name).call(input.into(), Context::by_hand("c")).await
        };
        assert_eq!(call("echo", json!({"text": "hi"})).await, Outcome::output("hi"));
        assert_eq!(call("fails", json!({})).await, Outcome::error("no luck"));
        let Outcome::Error(broken) = call("typed", json!({})).await else { panic!() };
        let expected = "the call was made, but its result does not fit the tool's own schema";
        assert!(broken.to_text().starts_with(expected), "{broken:?}");
    }
}

#[tokio::test]
async fn fault_22_an_input_that_does_not_fit_is_not_sent_to_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = server("2026-07-28", folder.path()).connect().await.unwrap();
    let refused = "invalid input: at /text: want string, but got number";
    let outcome = tool(&server, "echo").call(json!({"text": 7}).into(), Context::by_hand("c")).await;
    assert_eq!(outcome, Outcome::error(refused));
    assert!(!written(folder.path()).contains(&"echo".to_owned()));
}

#[tokio::test]
async fn fault_6_a_call_that_is_dropped_is_cancelled_at_its_server() {
    for revision in REVISIONS {
        let folder = tempfile::tempdir().unwrap();
        let server = server(revision, folder.path()).connect().await.unwrap();
        let script = Script::new([Reply::call("slow", json!({})), Reply::text("Done.")]);
        let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
        let mut conversation = agent.start("Go.");
        let mut run = agent.run(&mut conversation);
        while let Some(event) = run.next().await {
            if let EventKind::CallProgress { text, .. } = event.kind {
                assert_eq!(text, "begun (1 of 3)");
                break;
            }
        }
        drop(run);
        wait_for(folder.path(), "cancelled").await;
    }
}

#[tokio::test]
async fn fault_24_a_call_that_takes_too_long_is_cancelled_at_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let limit = std::time::Duration::from_millis(300);
    let server = server("2026-07-28", folder.path()).call_timeout(limit).connect().await.unwrap();
    let script = Script::new([Reply::call("slow", json!({})), Reply::text("Done.")]);
    let agent = Agent::builder("a", script).tools(server.tools()).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    let results = results(&conversation);
    assert!(results[0].contains("300ms"), "{results:?}");
    wait_for(folder.path(), "cancelled").await;
}
