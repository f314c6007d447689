//! The limits of a tool hold for the whole call, also if it delegates to another agent.

use std::time::Duration;

use agent_core::{
    Agent, BuildError, Conversation, End, Json, Limits, Team, ToolSpec,
    script::{Reply, Script},
    tool::{ExclusiveBy, Permits},
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::common::{Act, Log, agent, calls, ms};

/// A reply of the clerk, after 100 ms.
fn clerk(reply: Reply) -> Reply {
    reply.after(ms(100))
}

/// A team of `main` and a clerk. The tool `ask` of `main` has this spec, and one reply calls it
/// with each of these inputs.
fn asks(spec: impl FnOnce(&mut ToolSpec), inputs: &[Value], says: Vec<Reply>) -> (Team, Log) {
    let log = Log::default();
    let reply = calls(inputs.iter().map(|input| ("ask", input.clone())));
    let model = Script::by_agent([("main", vec![reply, Reply::text("Done.")]), ("clerk", says)]);
    let main = agent("main", &model, &log).tool(Act::new("ask", &log).spec(spec)).max_result_bytes(1_000);
    let clerk = agent("clerk", &model, &log);
    (Team::new([main.build().unwrap(), clerk.build().unwrap()]).unwrap(), log)
}

/// The conversation after a run, and how long the run took.
async fn ran(team: &Team) -> (Conversation, Duration) {
    let (mut conversation, began) = (Conversation::start("main", "Go."), Instant::now());
    team.run(&mut conversation).await.unwrap();
    (conversation, began.elapsed())
}

fn to_clerk() -> Value {
    json!({"to": "clerk"})
}

#[tokio::test(start_paused = true)]
async fn field_45_a_timeout_holds_for_the_whole_call_and_says_what_was_done() {
    let says = || {
        vec![
            clerk(calls([("act", json!({"say": "paid"}))])),
            clerk(calls([("act", json!({"ms": 10_000})), ("act", json!({"to": "clerk"}))])),
        ]
    };
    let limit = |spec: &mut ToolSpec| spec.timeout = Some(ms(500));
    // Its own 50 ms count.
    let (team, log) = asks(limit, &[json!({"ms": 50, "to": "clerk"})], says());
    let (conversation, took) = ran(&team).await;
    // An aborted task ends when it is polled next.
    tokio::time::sleep(ms(1)).await;
    assert_eq!((took, log.open()), (ms(500), 0));
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 ask {"ms":50,"to":"clerk"}
      < call_0_0 failed: clerk stopped: timed out after 500ms
      | Its calls so far:
      | - act {"say":"paid"} = paid
      | - act {"ms":10000} failed: cancelled
      | - act {"to":"clerk"} failed: clerk stopped: it was cancelled Its calls so far: - act {"say":"paid"} = paid - act {"ms":10000} failed: cancelled - act {"to":"clerk"} failed: clerk stopped: it was cancelled
    main: Done.
    "#);
    // A call that ends in time has no note about it.
    let (team, _) = asks(limit, &[to_clerk()], vec![clerk(Reply::text("Filed."))]);
    assert_eq!(ran(&team).await.1, ms(100));
}

#[tokio::test(start_paused = true)]
async fn field_45_while_a_call_below_waits_for_a_person_time_stands_still() {
    let says = vec![clerk(calls([("act", json!({"ask": "Pay?"}))])), clerk(Reply::text("Paid."))];
    let (team, _) = asks(|spec| spec.timeout = Some(ms(150)), &[to_clerk()], says);
    let mut conversation = Conversation::start("main", "Go.");
    let End::Waiting(calls) = team.run(&mut conversation).await.unwrap() else { panic!("{conversation}") };
    tokio::time::advance(ms(1_000)).await;
    conversation.approve(&calls[0].key).unwrap();
    team.run(&mut conversation).await.unwrap();
    assert!(conversation.to_string().contains("< call_0_0 = Paid."), "{conversation}");
}

#[tokio::test]
async fn field_45_the_answer_of_an_agent_is_cut_as_any_result() {
    let read = async |reply: Reply| {
        let (conversation, _) = ran(&asks(|_| (), &[to_clerk()], vec![reply]).0).await;
        let (_, content, _) = conversation.messages()[2].tool_results().next().unwrap();
        content.to_text()
    };
    let long = "x".repeat(5_000);
    let cut = "\n[cut: the result has 5000 bytes, and 1000 of them are shown]";
    assert_eq!(read(Reply::text(&long)).await, format!("{}{cut}", &long[..1_000]));
    let is_cut = |text: String| (1_000..1_100).contains(&text.len()) && text.contains("[cut: ");
    assert!(is_cut(read(Reply::text(&long).stop(agent_core::StopReason::MaxTokens)).await));
}

#[tokio::test(start_paused = true)]
async fn field_45_calls_that_take_turns_do_so_until_the_agent_has_answered() {
    let check = async |spec: fn(&mut ToolSpec), inputs: [&str; 3], took: u64| {
        let inputs = inputs.map(|file| json!({"to": "clerk", "file": file}));
        let (team, _) = asks(spec, &inputs, vec![clerk(Reply::text("Filed."))]);
        assert_eq!(ran(&team).await.1, ms(took), "{inputs:?}");
    };
    check(|_| (), ["a", "a", "b"], 100).await;
    check(|spec| spec.exclusive = true, ["a", "a", "b"], 300).await;
    check(|spec| spec.runs_first = true, ["a", "a", "b"], 300).await;
    check(|spec| spec.exclusive_by = Some(ExclusiveBy::field("file")), ["a", "a", "b"], 200).await;
}

#[tokio::test(start_paused = true)]
async fn field_45_permits_are_refused_where_agents_would_hold_them() {
    let build = |targets: &[&str]| {
        let tool = Act::new("ask", &Log::default()).spec(|spec| {
            spec.permits = Some(Permits::new(1));
            spec.targets = targets.iter().map(ToString::to_string).collect();
        });
        Agent::builder("main", Script::new([])).tool(tool).build()
    };
    let error = build(&["clerk"]).unwrap_err();
    assert!(matches!(&error, BuildError::Permits { .. }));
    assert_snapshot!(error, @r#"agent "main", tool "ask" leads to other agents (clerk), so it can't have permits: limit the tools of those agents instead, or all calls (Limits::calls_at_once)"#);
    assert!(build(&[]).is_ok());
    // The tool does not declare its targets. Still nobody waits for ever.
    let bound = |spec: &mut ToolSpec| spec.permits = Some(Permits::new(1));
    let (team, _) = asks(bound, &[to_clerk(), to_clerk()], vec![clerk(Reply::text("Filed."))]);
    let (conversation, took) = ran(&team.with_limits(Limits::new().calls_at_once(1))).await;
    assert_eq!(took, Duration::ZERO);
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 ask {"to":"clerk"}
      > call_0_1 ask {"to":"clerk"}
      < call_0_0 failed: not delegated to "clerk": the tool "ask" has permits, and a tool with permits can't delegate
      < call_0_1 failed: not delegated to "clerk": the tool "ask" has permits, and a tool with permits can't delegate
    main: Done.
    "#);
}

#[test]
fn field_45_a_delegated_conversation_of_before_is_read() {
    let mut conversation = Conversation::start("main", "Go.");
    conversation.say("Well?");
    let written = serde_json::to_string(&conversation).unwrap();
    assert!(!written.contains("delegation_limits"), "{written}");
    let read: Conversation = serde_json::from_str(&written).unwrap();
    assert_eq!(read, conversation);
    let outcome: agent_core::Outcome =
        Json::read(r#"{"Delegate":{"to":"clerk","task":"Well?"}}"#).unwrap().parse().unwrap();
    assert_eq!(outcome, agent_core::Outcome::delegate("clerk", "Well?"));
}
