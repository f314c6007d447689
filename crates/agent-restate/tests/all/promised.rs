//! The limits in the spec of a tool hold for calls that another agent does, on the engine.

use std::time::{Duration, Instant};

use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use agent_restate::Services;
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::{Calls, Stage, call, poll_until, tool};

const LIMIT: Duration = Duration::from_secs(3);

/// The boss asks a clerk, with this time limit. The clerk pays and then never finishes, or asks a
/// person before paying.
fn team(calls: &Calls) -> Team {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => {
            Reply::call("quick", json!({"task": "Pay."})).and_call("careful", json!({"task": "Pay."}))
        }
        ("quick", 3) => call("pay", "hang"),
        ("quick" | "careful", 1) => call("pay", "paid"),
        _ => Reply::text("Done."),
    });
    let ask = |name: &str| AgentTool::new(name, "Pays.").timeout(LIMIT);
    let pay = || tool("pay", calls, &Calls::default());
    let agents = [
        Agent::builder("boss", model.clone()).tool(ask("quick")).tool(ask("careful")),
        Agent::builder("quick", model.clone()).tool(pay()),
        Agent::builder("careful", model).tool(FnTool::needs_approval(pay())),
    ];
    Team::new(agents.map(|agent| agent.build().unwrap())).unwrap()
}

#[tokio::test]
async fn field_45_on_the_engine_a_timeout_holds_for_the_whole_call_but_not_while_a_person_is_asked() {
    let calls = Calls::default();
    let Some(stage) = Stage::open(Services::new(team(&calls))).await else { return };
    let (began, mut conversation) = (Instant::now(), Conversation::start("boss", "Begin.").with_id("s"));
    let host = stage.host.clone();
    let run = tokio::spawn(async move {
        host.run(&mut conversation).await.unwrap();
        conversation.to_string()
    });
    let waiting = async || stage.host.waiting("s").await.unwrap().pop();
    let asked = poll_until("a question", waiting).await;
    while began.elapsed() < 3 * LIMIT {
        assert!(waiting().await.is_some(), "it waits for a person for as long as they need");
        tokio::task::yield_now().await;
    }
    stage.host.approve(&asked.key).await.unwrap();
    let transcript = run.await.unwrap();
    let quick = "< call_0_0 failed: quick stopped: timed out after 3s\n  | Its calls so far:\n  | - pay {\"say\":\"paid\"} = paid\n  | - pay {\"say\":\"hang\"} failed: cancelled\n  < call_0_1 = Done.\n";
    assert!(transcript.contains(quick), "{transcript}");
    let made = ["s/call_0_0/call_0_0", "s/call_0_0/call_1_0", "s/call_0_1/call_0_0"];
    assert_eq!(calls.made().into_keys().collect::<Vec<_>>(), made);
}
