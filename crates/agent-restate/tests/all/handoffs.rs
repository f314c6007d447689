//! Conversations that another agent takes over, on the engine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::{
    Agent, Conversation, Limits, Team,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use agent_handoff::{Handoff, HistoryFilter, OnFailure};
use agent_restate::{RestateError, Services};
use agent_tools::AgentTool;
use serde_json::json;

use crate::common::{Calls, Stage, call, tool};

fn to_sales() -> Reply {
    Reply::call("handoff", json!({"name": "sales"}))
}

#[tokio::test]
async fn field_59_on_the_engine_a_view_that_panics_is_a_handoff_that_failed() {
    let model = Script::by(|request| match request.messages.len() % 2 {
        1 if request.messages.last().unwrap().tool_results().next().is_some() => Reply::text("Then I do it."),
        _ => to_sales(),
    });
    let handoffs = Handoff::to([("sales", "Sales.")]).reads(HistoryFilter::by(|_| panic!("no view")));
    let triage = Agent::builder("triage", model.clone()).tools(handoffs.tools()).build().unwrap();
    let sales = Agent::builder("sales", model).build().unwrap();
    // A request that was not made does not count.
    let team = Team::new([triage, sales]).unwrap().with_limits(Limits::new().requests(2));
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = Conversation::start("triage", "Help!").with_id("view");
    for _ in 0..2 {
        assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Then I do it.");
        conversation.say("Once more.");
    }
    let text = conversation.to_string();
    let failed = r#"Handoff failed: agent "sales" got no answer: the model was not asked: what "handoff" lets it read panicked: no view"#;
    assert_eq!(text.matches(failed).count(), 2, "{text}");
}

#[tokio::test]
async fn field_59_on_the_engine_a_view_that_panics_later_is_a_failure_of_the_agent_that_was_to_read() {
    let none = Calls::default();
    let team = |policy| {
        let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
            ("triage", 1) => to_sales(),
            ("sales", _) => call("poll_until", "saw it"),
            _ => Reply::text("Then I do it."),
        });
        let asked = Arc::new(AtomicUsize::new(0));
        let view = HistoryFilter::by(move |messages| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => messages.to_vec(),
            _ => panic!("no more views"),
        });
        let handoffs = Handoff::to([("sales", "Sales.")]).reads(view).on_failure(policy);
        let triage = Agent::builder("triage", model.clone()).tools(handoffs.tools()).build().unwrap();
        let sales = Agent::builder("sales", model).tool(tool("poll_until", &none, &none)).build().unwrap();
        Services::new(Team::new([triage, sales]).unwrap())
    };
    let Some(mut stage) = Stage::open(team(OnFailure::Return)).await else { return };
    let mut conversation = Conversation::start("triage", "Help!").with_id("returns");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Then I do it.");
    assert_eq!(conversation.agent(), "triage");

    stage.replace(team(OnFailure::Keep)).await;
    let mut conversation = Conversation::start("triage", "Help!").with_id("keeps");
    for _ in 0..2 {
        let error = stage.host.run(&mut conversation).await.unwrap_err();
        let RestateError::Model(failure) = &error else { panic!("{error}") };
        assert_eq!((failure.agent.as_str(), failure.error.kind), ("sales", LlmErrorKind::NotAsked));
        assert!(error.to_string().ends_with("panicked: no more views"), "{error}");
    }
}

#[tokio::test]
async fn field_72_on_the_engine_a_request_says_how_many_turns_its_agent_has_had_since_the_user_spoke() {
    let model = Script::by(|request| match (&*request.agent, request.turns, request.messages.len()) {
        ("triage", 0, 1) | ("other", 0, _) => call("poll_until", "saw it"),
        ("triage", 1, 3) => Reply::call("other", json!({"task": "Look."})),
        ("triage", 2, 5) => to_sales(),
        _ => Reply::text("Done."),
    });
    let none = Calls::default();
    let poll_until = || tool("poll_until", &none, &none);
    let handoffs = Handoff::to([("sales", "Sales.")]);
    let triage =
        Agent::builder("triage", model.clone()).tool(poll_until()).tool(AgentTool::new("other", "Looks."));
    let agents = [
        triage.tools(handoffs.tools()),
        Agent::builder("other", model.clone()).tool(poll_until()),
        Agent::builder("sales", model.clone()),
    ];
    let team = Team::new(agents.map(|agent| agent.build().unwrap())).unwrap();
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = Conversation::start("triage", "Go.").with_id("turns");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    conversation.say("Once more.");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    let turns: Vec<String> =
        model.requests().iter().map(|request| format!("{} {}", request.agent, request.turns)).collect();
    assert_eq!(turns, ["triage 0", "triage 1", "other 0", "other 1", "triage 2", "sales 0", "sales 0"]);
}
