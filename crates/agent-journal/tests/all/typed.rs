//! Runs with typed answers, also stopped after each entry.

use agent_core::{
    Agent, Team,
    host::drive,
    script::{Reply, Script},
};
use agent_tools::{AnswerType, FnTool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::common::Place;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Trip {
    city: String,
    #[schemars(range(max = 7))]
    days: u32,
}

/// Runs a session. The model calls a tool, and then gives an answer that does not fit, then one that
/// does. A model that is asked after the call begins with the first of these two.
async fn run(place: &Place) -> Trip {
    let answers = [9, 7].map(|days| Reply::text(json!({"city": "Oslo", "days": days}).to_string()));
    let replies = [Reply::call("add", json!({}))].into_iter().chain(answers);
    let answer = AnswerType::<Trip>::new().unwrap();
    let journal = place.open();
    let has_called = journal.entries("trip").is_ok_and(|entries| entries.len() > 1);
    let agent = Agent::builder("planner", Script::new(replies.skip(usize::from(has_called))))
        .tool(FnTool::new("add", "Adds.", || "3"))
        .build()
        .unwrap();
    let mut conversation = agent.start("Plan it.").with_id("trip");
    let team = answer.team(Team::new([agent]).unwrap());
    let host = journal.host(team, &mut conversation).await.unwrap();
    let end = drive(&mut conversation, &host).await.unwrap();
    answer.read(&end, &conversation).unwrap()
}

#[tokio::test]
async fn a_typed_answer_is_the_same_on_a_journal_wherever_its_run_was_stopped() {
    let expected = Trip { city: "Oslo".to_owned(), days: 7 };
    let place = Place::new();
    assert_eq!(run(&place).await, expected);
    let entries = place.open().entries("trip").unwrap().len();
    assert!(entries > 3);
    for keep in 1..=entries {
        let copy = Place::new();
        std::fs::copy(&place.path, &copy.path).unwrap();
        copy.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        assert_eq!(run(&copy).await, expected, "stopped after entry {keep}");
    }
}
