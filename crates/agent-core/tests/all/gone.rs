//! Runs by a team that lacks an agent of the conversation. This happens while a service is being
//! replaced.

use agent_core::{
    Conversation, End, EventKind, Limits, RunError, Team,
    script::{Reply, Script},
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent, calls, ms, team};

type Part = (&'static str, Vec<Reply>);

/// The script of the agent `main`, with one reply that has these calls.
fn main(of: &[serde_json::Value]) -> Part {
    let reply = calls(of.iter().map(|input| ("act", input.clone())));
    ("main", vec![reply, Reply::text("Done.")])
}

/// Runs until the run waits for a person, approves all waiting calls, and returns the conversation.
async fn allowed(parts: Vec<Part>) -> Conversation {
    let (team, ..) = team(parts);
    let mut conversation = Conversation::start("main", "Go.");
    let End::Waiting(calls) = team.run(&mut conversation).await.unwrap() else { panic!("{conversation}") };
    calls.iter().for_each(|call| conversation.approve(&call.key).unwrap());
    conversation
}

async fn goes_on(team: &Team, conversation: &mut Conversation) -> String {
    team.run(conversation).await.unwrap();
    conversation.to_string()
}

#[tokio::test]
async fn field_41_a_team_without_the_agent_answers_none_of_its_calls_and_the_right_one_makes_them() {
    let pay = |to: &str| json!({"ask": "Pay?", "say": format!("paid {to}")});
    let clerk = vec![calls([("act", json!({"ask": "File?", "say": "filed"}))])];
    let calls = [pay("A"), pay("B"), json!({"to": "clerk"})];
    let mut conversation = allowed(vec![main(&calls), ("clerk", clerk)]).await;
    let before = conversation.clone();
    for other in ["other", "clerk"] {
        let (other, model, log) = team([(other, vec![])]);
        let error = other.run(&mut conversation).await.unwrap_err();
        assert!(matches!(&error, RunError::UnknownAgent { agent, .. } if agent == "main"), "{error}");
        assert_eq!((&conversation, log.begun().len(), model.requests().len()), (&before, 0, 0));
    }
    // The models do not repeat what they have said before.
    let (right, _, log) =
        team([("main", vec![Reply::text("Done.")]), ("clerk", vec![Reply::text("Filed.")])]);
    assert_snapshot!(goes_on(&right, &mut conversation).await, @r#"
    user: Go.
      > call_0_0 act {"ask":"Pay?","say":"paid A"}
      > call_0_1 act {"ask":"Pay?","say":"paid B"}
      > call_0_2 act {"to":"clerk"}
      < call_0_0 = paid A
      < call_0_1 = paid B
      < call_0_2 = Filed.
    main: Done.
    "#);
    let made: Vec<String> = log.begun().into_keys().collect();
    assert_eq!(made, ["run/call_0_0", "run/call_0_1", "run/call_0_2/call_0_0"]);
}

#[tokio::test]
async fn field_41_a_sub_agent_that_is_gone_is_its_calls_error_result() {
    let clerk = vec![calls([("act", json!({"ask": "File?"}))])];
    let mut conversation = allowed(vec![main(&[json!({"to": "clerk"})]), ("clerk", clerk)]).await;
    let (other, _, log) = team([("main", vec![Reply::text("Done.")])]);
    assert_snapshot!(goes_on(&other, &mut conversation).await, @r#"
    user: Go.
      > call_0_0 act {"to":"clerk"}
      < call_0_0 failed: clerk stopped: it is not in the team: main
      | Its calls so far:
      | - act {"ask":"File?"}: no result: not made, or stopped on its way
    main: Done.
    "#);
    assert_eq!(log.begun().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn field_41_a_transfer_to_an_agent_that_is_gone_is_its_calls_error_result() {
    let transfer = [json!({"transfer": "clerk"}), json!({"say": "looked"})];
    let parts = vec![main(&transfer), ("clerk", vec![Reply::default().after(ms(1_000))])];
    let (whole, ..) = team(parts);
    let mut conversation = Conversation::start("main", "Go.");
    let run = whole.run(&mut conversation);
    // The process ends while the other agent is asked.
    assert!(tokio::time::timeout(ms(500), run).await.is_err());
    assert_eq!(conversation.speaker(), "clerk");
    let (other, ..) = team([("main", vec![Reply::text("Done.")])]);
    let mut run = other.run(&mut conversation);
    let mut failed = 0;
    while let Some(event) = run.next().await {
        failed += usize::from(matches!(event.kind, EventKind::TransferFailed { .. }));
    }
    run.await.unwrap();
    assert_eq!(failed, 1);
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"transfer":"clerk"}
      > call_0_1 act {"say":"looked"}
      < call_0_0 failed: could not transfer to clerk: agent "clerk" got no answer: the model backend is not set up: there is no such agent in the team: main
      < call_0_1 = looked
    main: Done.
    "#);
}

#[tokio::test]
async fn field_41_an_agent_that_is_gone_is_not_said_to_have_had_its_turns() {
    let log = Log::default();
    let model = Script::by_agent([
        ("main", vec![calls([("act", json!({"transfer": "clerk"}))])]),
        ("clerk", vec![calls([("act", json!({"ask": "Pay?"}))])]),
    ]);
    let long = agent("clerk", &model, &log).max_turns(50).build().unwrap();
    let team = Team::new([agent("main", &model, &log).build().unwrap(), long]).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let End::Waiting(calls) = team.run(&mut conversation).await.unwrap() else { panic!("{conversation}") };
    conversation.deny(&calls[0].key, "no").unwrap();
    let before = conversation.clone();
    let other = Team::new([agent("main", &model, &log).build().unwrap()]).unwrap();
    let error = other.run(&mut conversation).limits(Limits::new().turns(1)).await.unwrap_err();
    assert!(matches!(&error, RunError::UnknownAgent { agent, .. } if agent == "clerk"), "{error}");
    assert_eq!(conversation, before);
}
