//! Copies of sessions that end after a turn.

use agent_core::{
    Agent, Conversation, Team, Usage,
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_restate::{RestateError, Services};
use serde_json::json;

use crate::common::{Calls, Stage, alone, call, calls_then_done, start, tool};

/// Triage looks something up and hands over to sales, who look something up, too. Each request
/// costs.
fn shop(calls: &Calls, open: &Calls) -> Team {
    let model = Script::by(|request| {
        let has_results = request.messages.last().unwrap().tool_results().next().is_some();
        let reply = match (&*request.agent, has_results) {
            ("triage", false) => call("look", "who"),
            ("triage", true) => Reply::call("handoff", json!({"name": "sales"})),
            (_, false) if request.messages.last().unwrap().text().contains("price") => call("look", "price"),
            _ => Reply::text("It is 7."),
        };
        reply.usage(Usage::new(10, request.messages.len() as u64))
    });
    let handoffs = Handoff::to([("sales", "Sales.")]);
    let triage = Agent::builder("triage", model.clone()).tools(handoffs.tools());
    let agents = [triage, Agent::builder("sales", model)];
    Team::new(agents.map(|agent| agent.tool(tool("look", calls, open)).build().unwrap())).unwrap()
}

/// The session, which must be there.
async fn known(stage: &Stage, id: &str) -> Conversation {
    stage.host.history(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_copy_after_any_turn_goes_on_as_the_session_did() {
    let (calls, open) = (Calls::default(), Calls::default());
    let Some(stage) = Stage::open(Services::new(shop(&calls, &open))).await else { return };
    let mut session = Conversation::start("triage", "Hello.").with_id("a");
    stage.host.run(&mut session).await.unwrap();
    let first = session.clone();
    session.say("And the price?");
    stage.host.run(&mut session).await.unwrap();
    stage.host.take_back("a").await.unwrap();

    let at = async |turns: usize| {
        let id = format!("a {turns}");
        stage.host.fork("a", Some(turns), &id).await.unwrap();
        known(&stage, &id).await
    };
    let mut copies = Vec::new();
    for (turns, agent, messages) in [(0, "triage", 1), (1, "triage", 3), (2, "triage", 4)] {
        let mut copy = at(turns).await;
        assert_eq!((copy.agent(), copy.messages().len()), (agent, messages), "after turn {turns}");
        assert_eq!(copy.usage().input_tokens, 10 * turns as u64);
        assert_eq!(copy.messages(), &first.messages()[..messages]);
        copies.push(copy.clone());
        stage.host.run(&mut copy).await.unwrap();
        assert_eq!(copy, first.clone().with_id(copy.id()));
    }
    assert_eq!(at(3).await, first.clone().with_id("a 3"), "without what was said after it");
    assert_eq!(at(4).await.usage().input_tokens, 40);
    assert_eq!(at(5).await, session.clone().with_id("a 5"), "before it was taken back");

    // A copy has the turns of its session, and further ones of its own.
    stage.host.fork("a 5", Some(1), "b").await.unwrap();
    assert_eq!(known(&stage, "b").await, copies[1].clone().with_id("b"));
    let error = stage.host.fork("a", Some(6), "c").await.unwrap_err();
    assert!(matches!(error, RestateError::NoSuchTurn { turn: 6, turns: 5, .. }), "{error:?}");
}

#[tokio::test]
async fn a_copy_after_a_turn_that_was_stopped_is_without_what_was_said_then() {
    let (calls, open) = (Calls::default(), Calls::default());
    let team = alone(calls_then_done(call("work", "hang")), [tool("work", &calls, &open)]);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let run = stage.host.submit(&start("a"), None).await.unwrap();
    calls.until(|calls| !calls.is_empty()).await;
    assert!(stage.host.cancel("a").await.unwrap());
    stage.host.attach(&run).await.unwrap_err();
    let stopped = known(&stage, "a").await;
    let mut session = stopped.clone();
    session.say("Never mind.");
    stage.host.run(&mut session).await.unwrap();

    stage.host.fork("a", Some(1), "b").await.unwrap();
    let mut copy = known(&stage, "b").await;
    assert_eq!(copy, stopped.with_id("b"));
    open.note("open".to_owned());
    assert_eq!(stage.host.run(&mut copy).await.unwrap().text(), "Done.");
    assert!(!copy.to_string().contains("Never mind."), "{copy}");
}

#[tokio::test]
async fn turns_that_another_host_has_driven_are_not_kept() {
    let (calls, open) = (Calls::default(), Calls::default());
    let team = shop(&calls, &open);
    let Some(stage) = Stage::open(Services::new(team.clone())).await else { return };
    let mut session = Conversation::start("triage", "Hello.").with_id("a");
    team.run(&mut session).await.unwrap();
    session.say("And the price?");
    stage.host.run(&mut session).await.unwrap();
    for turn in [0, 1, 3] {
        let error = stage.host.fork("a", Some(turn), "b").await.unwrap_err();
        assert!(matches!(error, RestateError::TurnNotKept { .. }), "{error:?}");
    }
    stage.host.fork("a", Some(4), "b").await.unwrap();
    assert_eq!(known(&stage, "b").await.usage().input_tokens, 40);
}
