//! A cassette replays the model of a run on a journal.

use agent_core::{
    Agent, Llm, Team,
    host::drive,
    script::{Reply, Script},
};
use agent_llm::Cassette;
use agent_tools::FnTool;
use serde_json::json;

use crate::common::Place;

/// Runs a session on a journal of its own, and gives its transcript.
async fn run(llm: impl Llm + 'static) -> String {
    let add = FnTool::new("add", "Adds.", || "3");
    let team = Team::new([Agent::builder("main", llm).tool(add).build().unwrap()]).unwrap();
    let place = Place::new();
    let journal = place.open();
    let mut conversation = team.agent("main").unwrap().start("Add it.").with_id("sum");
    let host = journal.host(team, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    conversation.to_string()
}

#[tokio::test]
async fn a_run_on_a_journal_is_replayed_without_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sum.jsonl");
    let model = Script::new([Reply::call("add", json!({})), Reply::text("Three.")]);
    let recorded = run(Cassette::record(&path, model).unwrap()).await;
    assert_eq!(run(Cassette::replay(&path).unwrap()).await, recorded);
    assert!(recorded.ends_with("main: Three.\n"), "{recorded}");
}
