//! The result of a delegation that has no answer.

use agent_core::{
    Cancel, Conversation, EventKind, Limits, LlmError, StopReason, model::LlmErrorKind, script::Reply,
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{calls, run, team};

/// The clerk's first reply: two calls with effects, and text.
fn pays() -> Reply {
    Reply::text("I pay both.")
        .and_call("act", json!({"say": "paid A"}))
        .and_call("act", json!({"fail": "no money"}))
}

/// What the delegating agent reads if the clerk gives these replies.
async fn read_of(clerk: Vec<Reply>, turns: u32) -> String {
    let main = vec![calls([("act", json!({"to": "clerk"}))]), Reply::text("Done.")];
    let (team, ..) = team([("main", main), ("clerk", clerk), ("helper", vec![pays(), pays()])]);
    let ran = run(&team.with_limits(Limits::new().turns(turns))).await;
    let (_, content, is_error) = ran.conversation.messages()[2].tool_results().next().unwrap();
    format!("{}{}", if is_error { "! " } else { "" }, content.to_text())
}

#[tokio::test]
async fn field_48_what_a_sub_agent_did_is_read_however_it_ends() {
    let last = |reply: Reply| read_of(vec![pays(), reply], 10);
    assert_snapshot!(read_of(vec![pays(), pays()], 2).await, @r#"
    ! clerk was not done after 2 turns
    Its calls so far:
    - act {"say":"paid A"} = paid A
    - act {"fail":"no money"} failed: no money
    - act {"say":"paid A"} = paid A
    - act {"fail":"no money"} failed: no money
    Its last words: I pay both.
    "#);
    assert_snapshot!(last(Reply::error(LlmError::new(LlmErrorKind::Overloaded, "no room"))).await, @r#"
    ! agent "clerk" got no answer: the model's server is overloaded: no room
    Its calls so far:
    - act {"say":"paid A"} = paid A
    - act {"fail":"no money"} failed: no money
    Its last words: I pay both.
    "#);
    let cut = Reply::text("I have pa").and_call("act", json!({"say": "paid C"}));
    assert_snapshot!(last(cut.stop(StopReason::MaxTokens)).await, @r#"
    ! clerk's reply was cut (max_tokens); its calls were not made: 1; it began: I have pa
    Its calls so far:
    - act {"say":"paid A"} = paid A
    - act {"fail":"no money"} failed: no money
    - act {"say":"paid C"}: not made
    Its last words: I pay both.
    "#);
    assert_snapshot!(last(Reply::text("I won't say").stop(StopReason::Refusal)).await, @r#"
    ! clerk refused
    Its calls so far:
    - act {"say":"paid A"} = paid A
    - act {"fail":"no money"} failed: no money
    Its last words: I pay both.
    "#);
    assert_snapshot!(last(Reply::text("?").stop(StopReason::Other("odd".to_owned()))).await, @r#"
    ! clerk stopped: odd
    Its calls so far:
    - act {"say":"paid A"} = paid A
    - act {"fail":"no money"} failed: no money
    Its last words: ?
    "#);
    assert_snapshot!(last(Reply::default()).await, @r#"
    clerk is done and said nothing.
    Its calls so far:
    - act {"say":"paid A"} = paid A
    - act {"fail":"no money"} failed: no money
    Its last words: I pay both.
    "#);
}

#[tokio::test]
async fn field_48_one_that_did_nothing_has_nothing_to_tell() {
    assert_snapshot!(read_of(vec![Reply::text("").stop(StopReason::Refusal)], 10).await, @"! clerk refused");
}

#[tokio::test]
async fn field_48_a_call_that_was_cancelled_says_what_was_done_also_two_delegations_below() {
    let main = vec![calls([("act", json!({"to": "clerk"}))]), Reply::text("Done.")];
    let clerk = vec![calls([("act", json!({"say": "paid A"})), ("act", json!({"to": "helper"}))])];
    let helper = vec![calls([("act", json!({"say": "paid B"})), ("act_alone", json!({"ms": 1_000_000}))])];
    let (team, ..) = team([("main", main), ("clerk", clerk), ("helper", helper)]);
    let (cancel, mut conversation) = (Cancel::new(), Conversation::start("main", "Go."));
    let mut run = team.run(&mut conversation).cancelled_by(&cancel);
    while let Some(event) = run.next().await {
        if matches!(&event.kind, EventKind::CallStarted { tool, .. } if tool == "act_alone") {
            assert!(cancel.call("run/call_0_0"));
        }
    }
    run.await.unwrap();
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"to":"clerk"}
      < call_0_0 failed: clerk stopped: it was cancelled
      | Its calls so far:
      | - act {"say":"paid A"} = paid A
      | - act {"to":"helper"} failed: helper stopped: it was cancelled Its calls so far: - act {"say":"paid B"} = paid B - act_alone {"ms":1000000} failed: cancelled
    main: Done.
    "#);
}

#[tokio::test]
async fn field_48_what_was_done_is_told_in_4_000_bytes() {
    let check = async |made: usize, says: &str, expected: &str| {
        let reply = calls(vec![("act", json!({"say": says})); made]).and_text("word ".repeat(1_000));
        let read = read_of(vec![reply], 1).await;
        assert!(read.len() < 4_000 + 50, "{} bytes", read.len());
        let lines = read.lines().filter(|line| line.starts_with("- act")).count();
        let counted: String = read.lines().filter(|line| line.contains("not shown")).collect();
        assert_eq!(format!("{lines} {counted}"), expected);
    };
    check(1, &"é".repeat(100_000), "1 ").await;
    check(8, &"é".repeat(100_000), "8 ").await;
    check(250, &"é".repeat(1_000), "19 - 231 calls that are not shown: act 231").await;
}
