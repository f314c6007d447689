//! The size limit of all results of a turn together.

use agent_core::{
    Agent, AgentBuilder, Conversation, Team,
    script::{Reply, Script},
};
use serde_json::json;

use crate::common::{Log, agent, calls};

/// Runs one turn of these calls. Returns the length of each result in the record.
async fn check(reply: Reply, expert: &str, change: fn(AgentBuilder) -> AgentBuilder) -> Vec<usize> {
    let main = vec![reply, Reply::text("Done.")];
    let model = Script::by_agent([("main", main), ("expert", vec![Reply::text(expert)])]);
    let log = Log::default();
    let agents: [Agent; 2] =
        ["main", "expert"].map(|name| change(agent(name, &model, &log)).build().unwrap());
    let mut conversation = Conversation::start("main", "Go.");
    Team::new(agents).unwrap().run(&mut conversation).await.unwrap();
    let results = conversation.messages()[2].tool_results();
    let lengths = results.map(|(_, content, _)| {
        let text = content.to_text();
        let (shown, cut) = text.split_once("\n[cut: ").unwrap_or((&text, ""));
        assert!(cut.is_empty() || cut.contains("since all results of a turn share"), "{cut}");
        shown.len()
    });
    lengths.collect()
}

fn says(bytes: usize, count: usize) -> Vec<(&'static str, serde_json::Value)> {
    vec![("act", json!({"say": "x".repeat(bytes)})); count]
}

#[tokio::test]
async fn field_82_the_results_of_a_turn_share_a_bound_whoever_they_are_from() {
    let by_default = check(calls(says(100_000, 50)), "", |agent| agent).await;
    assert_eq!(by_default, vec![4_000_000 / 50 - 200; 50]);
    assert_eq!(check(calls(says(100_000, 10)), "", |agent| agent).await, vec![100_000; 10], "there is room");
    // Errors and delegations share the limit, too.
    let mut mixed = says(10, 1);
    mixed.push(("act", json!({"fail": "x".repeat(5_000)})));
    mixed.push(("act", json!({"to": "expert"})));
    mixed.push(("act", json!({"panic": "x".repeat(5_000)})));
    let lengths = check(calls(mixed), &"y".repeat(5_000), |agent| agent.max_results_bytes(4_000)).await;
    assert_eq!(lengths, [10, 800, 800, 800]);
    // A higher limit for one result also raises the limit for all.
    let change: fn(AgentBuilder) -> AgentBuilder = |agent| agent.max_result_bytes(5_000_000);
    assert_eq!(check(calls(says(4_500_000, 1)), "", change).await, [4_500_000]);
}
