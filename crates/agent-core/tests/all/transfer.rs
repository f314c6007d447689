//! Transfers of a conversation to another agent.

use agent_core::{End, Limits, LlmError, StopReason, Usage, model::LlmErrorKind, script::Reply};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{calls, ms, run, team};

fn broken() -> Reply {
    Reply::error(LlmError::new(LlmErrorKind::Overloaded, "no room"))
}

fn mixed() -> Reply {
    calls([
        ("act", json!({"ms": 100, "say": "a"})),
        ("act_first", json!({"transfer": "b"})),
        ("act_first", json!({"transfer": "c"})),
        ("act", json!({"ms": 100, "say": "d"})),
    ])
}

#[tokio::test(start_paused = true)]
async fn fault_4_of_several_transfers_the_first_wins_and_the_others_are_answered() {
    let (team, model, log) =
        team([("main", vec![mixed()]), ("b", vec![Reply::text("b here.")]), ("c", vec![])]);
    let ran = run(&team).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ms":100,"say":"a"}
      > call_0_1 act_first {"transfer":"b"}
      > call_0_2 act_first {"transfer":"c"}
      > call_0_3 act {"ms":100,"say":"d"}
      < call_0_0 failed: not run: control passed to b
      < call_0_1 = Transferred to b.
      < call_0_2 failed: not run: control passed to b
      < call_0_3 failed: not run: control passed to b
    -- b takes over from main
    b: b here.
    "#);
    assert_eq!((ran.end.text(), ran.conversation.agent(), log.begun().len()), ("b here.", "b", 1));
    assert_eq!(model.requests()[1].messages[2], ran.conversation.messages()[2], "b reads what is recorded");
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_fails_is_an_error_result_the_next_is_tried_and_then_the_calls_run_at_once() {
    let (team, _, _) = team([
        ("main", vec![mixed(), Reply::text("Then I do it.")]),
        ("b", vec![broken()]),
        ("c", vec![Reply::text("No.").stop(StopReason::Refusal).usage(Usage::new(5, 1))]),
    ]);
    let ran = run(&team).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ms":100,"say":"a"}
      > call_0_1 act_first {"transfer":"b"}
      > call_0_2 act_first {"transfer":"c"}
      > call_0_3 act {"ms":100,"say":"d"}
      < call_0_0 = a
      < call_0_1 failed: could not transfer to b: agent "b" got no answer: the model's server is overloaded: no room
      < call_0_2 failed: could not transfer to c: agent "c" refused
      < call_0_3 = d
    main: Then I do it.
    "#);
    assert_eq!((ran.end.text(), ran.conversation.agent(), ran.took), ("Then I do it.", "main", ms(100)));
    assert_eq!(ran.conversation.usage(), Usage::new(5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_transfer_by_an_ordinary_tool_waits_for_its_siblings_and_keeps_their_results() {
    let reply = calls([
        ("act", json!({"transfer": "b"})),
        ("act", json!({"ms": 100, "say": "mine"})),
        ("act_alone", json!({"ms": 100, "say": "alone"})),
    ]);
    let (team, _, _) = team([("main", vec![reply]), ("b", vec![Reply::text("b here.")])]);
    let ran = run(&team).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"transfer":"b"}
      > call_0_1 act {"ms":100,"say":"mine"}
      > call_0_2 act_alone {"ms":100,"say":"alone"}
      < call_0_0 = Transferred to b.
      < call_0_1 = mine
      < call_0_2 = alone
    -- b takes over from main
    b: b here.
    "#);
    assert_eq!(ran.took, ms(200));
}

#[tokio::test(start_paused = true)]
async fn fault_31_ping_pong_is_bounded_by_the_limit_of_transfers() {
    let to = |name: &str| calls([("act_first", json!({"transfer": name}))]);
    let (team, model, _) = team([
        ("main", vec![to("b"), to("b"), to("b")]),
        ("b", vec![to("main"), to("main"), Reply::text("Mine.")]),
    ]);
    let ran = run(&team.with_limits(Limits::new().transfers(3))).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act_first {"transfer":"b"}
      < call_0_0 = Transferred to b.
    -- b takes over from main
      > call_1_0 act_first {"transfer":"main"}
      < call_1_0 = Transferred to main.
    -- main takes over from b
      > call_2_0 act_first {"transfer":"b"}
      < call_2_0 = Transferred to b.
    -- b takes over from main
      > call_3_0 act_first {"transfer":"main"}
      < call_3_0 failed: could not transfer to main: the limit of 3 transfers is reached
    b: Mine.
    "#);
    assert_eq!((ran.end, model.requests().len()), (End::Answered("Mine.".to_owned()), 5));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_target_is_an_error_result() {
    let reply = calls([("act_first", json!({"transfer": "nobody"}))]);
    let (team, _, _) = team([("main", vec![reply, Reply::text("Then I do it.")])]);
    assert_snapshot!(run(&team).await.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act_first {"transfer":"nobody"}
      < call_0_0 failed: could not transfer to nobody: there is no agent named "nobody"; agents: main
    main: Then I do it.
    "#);
}

#[tokio::test(start_paused = true)]
async fn field_72_a_request_says_how_many_turns_its_agent_has_had_since_the_user_spoke() {
    let act = || calls([("act", json!({}))]);
    let (team, model, _) = team([
        (
            "main",
            vec![
                act(),
                calls([("act", json!({"to": "c"}))]),
                calls([("act_first", json!({"transfer": "b"}))]),
            ],
        ),
        ("b", vec![act(), Reply::text("b here."), Reply::text("Again.")]),
        ("c", vec![act(), Reply::text("c here.")]),
    ]);
    let mut conversation = run(&team).await.conversation;
    conversation.say("Once more.");
    team.run(&mut conversation).await.unwrap();
    let turns: Vec<String> =
        model.requests().iter().map(|request| format!("{} {}", request.agent, request.turns)).collect();
    assert_eq!(turns, ["main 0", "main 1", "c 0", "c 1", "main 2", "b 0", "b 1", "b 0"]);
}
