//! Agents as tools: delegated conversations.

use agent_core::{
    Conversation, End, Limits, LlmError, StopReason, Usage, host::Mode, model::LlmErrorKind, script::Reply,
};
use insta::assert_snapshot;
use serde_json::json;
use tokio::time::Instant;

use crate::common::{calls, ms, run, team};

/// A model's reply that takes 100 ms.
fn slow(reply: Reply) -> Reply {
    reply.after(ms(100)).usage(Usage::new(10, 1))
}

fn expert() -> Vec<Reply> {
    vec![slow(calls([("act", json!({"ms": 50}))])), slow(Reply::text("I say yes."))]
}

fn ask(tasks: usize) -> Reply {
    calls(vec![("act", json!({"to": "expert", "task": "Well?"})); tasks])
}

#[tokio::test(start_paused = true)]
async fn the_same_specialist_is_called_three_times_in_one_turn_and_all_converse_at_once() {
    let (team, model, _) =
        team([("main", vec![slow(ask(3)), slow(Reply::text("Done."))]), ("expert", expert())]);
    let ran = run(&team).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"task":"Well?","to":"expert"}
      > call_0_1 act {"task":"Well?","to":"expert"}
      > call_0_2 act {"task":"Well?","to":"expert"}
      < call_0_0 = I say yes.
      < call_0_1 = I say yes.
      < call_0_2 = I say yes.
    main: Done.
    "#);
    assert_eq!(ran.took, ms(100 + 250 + 100));
    let mut asked: Vec<String> =
        model.requests().iter().map(|request| request.conversation.to_string()).collect();
    asked.dedup();
    assert_eq!(asked[..4], ["run", "run/call_0_0", "run/call_0_1", "run/call_0_2"]);
    assert_eq!(ran.conversation.usage(), Usage::new(80, 8), "usage is summed over turns and delegations");
}

#[tokio::test(start_paused = true)]
async fn in_sequential_mode_specialists_take_turns() {
    let experts = || team([("main", vec![ask(3), Reply::text("Done.")]), ("expert", expert())]);
    let (one_by_one, _, log) = experts();
    let (mut conversation, began) = (Conversation::start("main", "Go."), Instant::now());
    one_by_one.run(&mut conversation).mode(Mode::Sequential).await.unwrap();
    assert_eq!((began.elapsed(), log.peak()), (ms(3 * 250), 1));
    let concurrent = run(&experts().0).await.conversation;
    assert_eq!(conversation, concurrent, "the mode does not change the conversation");
}

#[tokio::test(start_paused = true)]
async fn fault_30_a_limit_of_1_at_depth_3_finishes_and_the_peak_is_1() {
    let deeper = |to: &str| {
        calls([("act", json!({"to": to})), ("act", json!({"ms": 10})), ("act", json!({"to": to}))])
    };
    let (team, _, log) = team([
        ("main", vec![deeper("a"), Reply::text("Done.")]),
        ("a", vec![deeper("b"), Reply::text("Done.")]),
        ("b", vec![deeper("c"), Reply::text("Done.")]),
        ("c", vec![calls(vec![("act", json!({"ms": 10})); 2]), Reply::text("Done.")]),
    ]);
    let team = team.with_limits(Limits::new().calls_at_once(1));
    let ran = run(&team).await;
    assert_eq!((ran.end.text(), log.peak()), ("Done.", 1));
    // 1 + 2 + 4 calls of 10 ms at the depths 0 to 2, and 2 for each of the 8 conversations with c.
    assert_eq!(ran.took, ms(10 * (7 + 16)));
}

#[tokio::test(start_paused = true)]
async fn fault_32_a_recursive_agent_as_tool_meets_the_depth_limit_as_a_tool_result() {
    let again = vec![calls([("act", json!({"to": "main"}))]), Reply::text("Enough.")];
    let (team, model, _) = team([("main", again)]);
    let ran = run(&team.with_limits(Limits::new().depth(2))).await;
    assert_eq!(ran.end.text(), "Enough.");
    let deepest = model
        .requests()
        .into_iter()
        .max_by_key(|request| (request.conversation.len(), request.messages.len()));
    let result = deepest.unwrap().messages[2].content()[0].json().text().to_owned();
    assert_snapshot!(result, @r#"{"type":"tool_result","tool_use_id":"call_0_0","content":"not delegated to \"main\": the depth limit of 2 is reached","is_error":true}"#);
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_with_a_specialist_is_the_calls_error_result() {
    let broken = LlmError::new(LlmErrorKind::Overloaded, "no room");
    let (team, _, _) = team([
        (
            "main",
            vec![
                calls([
                    ("act", json!({"to": "nobody"})),
                    ("act", json!({"to": "broken"})),
                    ("act", json!({"to": "cut"})),
                    ("act", json!({"to": "prim"})),
                    ("act", json!({"to": "lost"})),
                    ("act", json!({"to": "mute"})),
                ]),
                Reply::text("Done."),
            ],
        ),
        ("broken", vec![Reply::error(broken)]),
        ("cut", vec![Reply::text("It all beg").stop(StopReason::MaxTokens)]),
        ("prim", vec![Reply::text("").stop(StopReason::Refusal)]),
        ("lost", (0..20).map(|_| calls([("act", json!({}))])).collect()),
        ("mute", vec![Reply::default()]),
    ]);
    let ran = run(&team).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"to":"nobody"}
      > call_0_1 act {"to":"broken"}
      > call_0_2 act {"to":"cut"}
      > call_0_3 act {"to":"prim"}
      > call_0_4 act {"to":"lost"}
      > call_0_5 act {"to":"mute"}
      < call_0_0 failed: there is no agent named "nobody"; agents: main, broken, cut, prim, lost, mute
      < call_0_1 failed: agent "broken" got no answer: the model's server is overloaded: no room
      < call_0_2 failed: cut's reply was cut (max_tokens); it began: It all beg
      < call_0_3 failed: prim refused
      < call_0_4 failed: lost was not done after 10 turns
      | Its calls so far:
      | - act {} = done
      | - act {} = done
      | - act {} = done
      | - act {} = done
      | - act {} = done
      | - act {} = done
      | - act {} = done
      | - act {} = done
      | - act {} = done
      | - act {} = done
      < call_0_5 = mute is done and said nothing.
    main: Done.
    "#);
    assert_eq!(ran.end, End::Answered("Done.".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_empty_task_is_not_delegated() {
    let (team, model, _) =
        team([("main", vec![calls([("act", json!({"to": "main", "task": " "}))]), Reply::text("Oh.")])]);
    let ran = run(&team).await;
    assert_eq!((ran.end.text(), model.requests().len()), ("Oh.", 2));
    assert!(ran.conversation.to_string().contains("the task is empty"));
}
