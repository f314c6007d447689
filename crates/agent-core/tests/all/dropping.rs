//! Runs that are dropped or fail, and then continue.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use agent_core::{
    Agent, Context, Conversation, Json, LlmError, Outcome, RunError, Team, Tool, ToolSpec, Usage,
    async_trait,
    host::{LocalHost, drive},
    model::LlmErrorKind,
    script::{Reply, Script},
};
use insta::assert_snapshot;
use serde_json::json;
use tokio::time::timeout;

use crate::common::{Log, calls, ms, one_turn, team};

/// Runs for some time and then drops the run.
async fn run_for(team: &Team, conversation: &mut Conversation, milliseconds: u64) {
    let cut_off = timeout(ms(milliseconds), team.run(conversation)).await;
    assert!(cut_off.is_err(), "the run was over before it could be dropped");
}

fn three() -> (Team, Script, Log) {
    let three = [100, 1000, 200].map(|ms| ("act", json!({"ms": ms, "say": format!("after {ms}")})));
    one_turn(calls(three))
}

#[tokio::test(start_paused = true)]
async fn fault_1_cancel_with_two_of_three_tools_done_keeps_two_and_closes_the_third() {
    let (team, _, _) = three();
    let mut conversation = Conversation::start("main", "Go.");
    run_for(&team, &mut conversation, 500).await;
    conversation.say("Never mind.");
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ms":100,"say":"after 100"}
      > call_0_1 act {"ms":1000,"say":"after 1000"}
      > call_0_2 act {"ms":200,"say":"after 200"}
      < call_0_0 = after 100
      < call_0_1 failed: no result: the user went on before the call ended. If it had begun, it may have had its effect
      < call_0_2 = after 200
    user: Never mind.
    "#);
}

#[tokio::test(start_paused = true)]
async fn fault_9_a_call_has_a_real_result_or_a_placeholder_and_never_both() {
    for milliseconds in [50, 150, 500] {
        let (team, _, _) = three();
        let mut conversation = Conversation::start("main", "Go.");
        run_for(&team, &mut conversation, milliseconds).await;
        conversation.say("Stop.");
        conversation.say("Really.");
        let transcript = conversation.to_string();
        let results: Vec<&str> =
            transcript.lines().filter_map(|line| line.strip_prefix("  < ")).map(|line| &line[..8]).collect();
        assert_eq!(results, ["call_0_0", "call_0_1", "call_0_2"], "{transcript}");
    }
}

#[tokio::test(start_paused = true)]
async fn invariant_4_a_dropped_run_goes_on_without_repeating_a_finished_call() {
    let (team, _, log) = three();
    let mut conversation = Conversation::start("main", "Go.");
    run_for(&team, &mut conversation, 500).await;
    team.run(&mut conversation).await.unwrap();
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"ms":100,"say":"after 100"}
      > call_0_1 act {"ms":1000,"say":"after 1000"}
      > call_0_2 act {"ms":200,"say":"after 200"}
      < call_0_0 = after 100
      < call_0_1 = after 1000
      < call_0_2 = after 200
    main: Done.
    "#);
    assert_eq!(log.begun().into_values().collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(log.ended().into_values().collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn invariant_4_holds_in_delegated_conversations_too() {
    let (team, model, log) = team([
        ("main", vec![calls(vec![("act", json!({"to": "expert"})); 2]), Reply::text("Done.")]),
        ("expert", vec![calls([100, 1000].map(|ms| ("act", json!({"ms": ms})))), Reply::text("Yes.")]),
    ]);
    let mut conversation = Conversation::start("main", "Go.");
    run_for(&team, &mut conversation, 500).await;
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"to":"expert"}
      > call_0_1 act {"to":"expert"}
    (call_0_0 is with expert)
        user: Well?
          > call_0_0 act {"ms":100}
          > call_0_1 act {"ms":1000}
        (call_0_0 = done)
        (call_0_1 open)
    (call_0_1 is with expert)
        user: Well?
          > call_0_0 act {"ms":100}
          > call_0_1 act {"ms":1000}
        (call_0_0 = done)
        (call_0_1 open)
    "#);
    let written = serde_json::to_string(&conversation).unwrap();
    let mut conversation: Conversation = serde_json::from_str(&written).unwrap();
    let asked = model.requests().len();
    team.run(&mut conversation).await.unwrap();
    assert_eq!(model.requests().len() - asked, 3, "each expert's second turn and main's");
    assert!(log.ended().into_values().all(|times| times == 1), "{:?}", log.ended());
}

#[tokio::test(start_paused = true)]
async fn what_ended_in_the_moment_of_the_drop_is_kept() {
    let (team, _, _) = three();
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = Box::pin(team.run(&mut conversation));
    assert!(futures::poll!(&mut run).is_pending());
    // The run is not polled again, so it has not seen any of the calls end.
    tokio::time::sleep(ms(500)).await;
    drop(run);
    conversation.say("What do you have?");
    let results: Vec<String> =
        conversation.to_string().lines().filter(|line| line.contains("< ")).map(str::to_owned).collect();
    assert_eq!(results[0], "  < call_0_0 = after 100");
    assert_eq!(results[2], "  < call_0_2 = after 200");
}

#[tokio::test(start_paused = true)]
async fn fault_6_no_tool_task_is_alive_after_the_run_is_dropped() {
    let (team, _, log) = one_turn(calls(vec![("act", json!({"ms": 60_000})); 8]));
    run_for(&team, &mut Conversation::start("main", "Go."), 10).await;
    assert_eq!(log.begun().len(), 8);
    tokio::task::yield_now().await;
    assert_eq!(log.open(), 0, "gone after the next pass of the scheduler");
}

/// A blocking tool that reports when it has begun, and runs until it sees that it is cancelled.
struct Patient(ToolSpec, mpsc::Sender<&'static str>);

#[async_trait]
impl Tool for Patient {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, context: Context) -> Outcome {
        self.1.send("begun").unwrap();
        while !context.cancelled() {
            std::thread::yield_now();
        }
        self.1.send("saw it").unwrap();
        Outcome::output("too late")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_call_that_has_begun_sees_that_it_is_cancelled_and_its_result_is_dropped() {
    let (sender, told) = mpsc::channel();
    let mut spec = ToolSpec::new("wait", "Waits.", json!({"type": "object"}));
    spec.blocking = true;
    let model = Script::new([Reply::call("wait", json!({}))]);
    let agent = Agent::builder("main", model).tool(Patient(spec, sender)).build().unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = Box::pin(agent.run(&mut conversation));
    let told = Arc::new(std::sync::Mutex::new(told));
    let next = |told: Arc<std::sync::Mutex<mpsc::Receiver<_>>>| {
        tokio::task::spawn_blocking(move || told.lock().unwrap().recv_timeout(Duration::from_secs(10)))
    };
    let begun = next(told.clone());
    tokio::select! {
        _ = &mut run => unreachable!("the tool waits"),
        begun = begun => assert_eq!(begun.unwrap(), Ok("begun")),
    }
    drop(run);
    assert_eq!(next(told).await.unwrap(), Ok("saw it"));
    assert!(conversation.to_string().ends_with("(call_0_0 open)\n"), "{conversation}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_leaves_a_conversation_that_a_new_run_goes_on_from() {
    let broken = LlmError::new(LlmErrorKind::Server, "on fire");
    let replies = vec![calls([("act", json!({}))]), Reply::error(broken), Reply::text("Done.")];
    let (team, _, log) = team([("main", replies)]);
    let mut conversation = Conversation::start("main", "Go.");
    let error = team.run(&mut conversation).await.unwrap_err();
    assert!(matches!(error, RunError::Model(_)));
    assert_snapshot!(error, @r#"agent "main" got no answer: the model's server failed: on fire"#);
    let end = team.run(&mut conversation).await.unwrap();
    assert_eq!((end.text(), log.begun().len()), ("Done.", 1));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_panics_fails_the_run_and_says_what_it_said() {
    let model = Script::by(|_| panic!("no such luck"));
    let agent = Agent::builder("main", model).build().unwrap();
    let error = agent.run(&mut Conversation::start("main", "Go.")).await.unwrap_err();
    assert_snapshot!(error, @r#"agent "main" got no answer: the model backend panicked: no such luck"#);
}

#[tokio::test(start_paused = true)]
async fn what_ended_beside_busy_delegations_is_kept() {
    let words = Reply::text("a ".repeat(200)).per_token(ms(10));
    let to = |agent: &str| ("act", json!({"to": agent}));
    let (team, _, log) = team([
        ("main", vec![calls([to("mid"), to("mid"), ("act", json!({"ms": 100}))]), Reply::text("Done.")]),
        ("mid", vec![calls([to("leaf")]), Reply::text("Yes.")]),
        ("leaf", vec![words]),
    ]);
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = Box::pin(team.run(&mut conversation));
    assert!(timeout(ms(50), &mut run).await.is_err());
    tokio::time::sleep(ms(100)).await;
    drop(run);
    assert_eq!(log.ended()["run/call_0_2"], 1);
    assert!(conversation.to_string().contains("(call_0_2 = done)"), "{conversation}");
}

#[test]
fn a_run_can_be_dropped_outside_of_its_runtime() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (team, _, _) = team([
        ("main", vec![calls([("act", json!({"to": "mid"}))]), Reply::text("Done.")]),
        ("mid", vec![Reply::text("a ".repeat(300)).per_token(ms(2))]),
    ]);
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = team.run(&mut conversation);
    runtime.block_on(async {
        for _ in 0..40 {
            run.next().await;
        }
    });
    drop(run);
    assert!(conversation.to_string().contains("is with mid"), "{conversation}");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_bare_loop_asks_no_model() {
    let (team, model, _) = team([
        ("main", vec![calls([("act", json!({"to": "mid"}))])]),
        ("mid", vec![calls([("act", json!({"ms": 100}))])]),
    ]);
    let (host, mut conversation) = (LocalHost::new(team), Conversation::start("main", "Go."));
    let mut run = Box::pin(drive(&mut conversation, &host));
    assert!(timeout(ms(50), &mut run).await.is_err());
    tokio::time::sleep(ms(100)).await;
    drop(run);
    assert_eq!(model.requests().len(), 2);
    assert!(conversation.to_string().contains("< call_0_0 = done"), "{conversation}");
}

#[tokio::test(start_paused = true)]
async fn what_an_unfinished_delegation_cost_is_not_forgotten() {
    let (team, _, _) = team([
        ("main", vec![calls([("act", json!({"to": "mid"}))])]),
        ("mid", vec![calls([("act", json!({"ms": 1000}))]).usage(Usage::new(7, 7))]),
    ]);
    let mut conversation = Conversation::start("main", "Go.");
    run_for(&team, &mut conversation, 500).await;
    assert_eq!(conversation.usage(), Usage::new(7, 7));
    conversation.say("Stop.");
    assert_eq!(conversation.usage(), Usage::new(7, 7));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_harms_nobody() {
    let (team, _, log) = three();
    let mut conversation = Conversation::start("main", "Go.");
    let end = team.run(&mut conversation).listen(|_| panic!("no ears")).await.unwrap();
    assert_eq!((end.text(), log.ended().len()), ("Done.", 3));
}
