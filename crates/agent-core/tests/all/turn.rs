//! The tool calls of one turn.

use std::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::common::{calls, ms, one_turn, run};
use agent_core::{
    Agent, Context, Json, Outcome, Team, Tool, ToolSpec, async_trait,
    host::Mode,
    script::{Reply, Script},
};
use insta::assert_snapshot;
use serde_json::json;

/// Runs one reply with calls. Checks the transcript, and how long the run took on paused time.
async fn check(reply: Reply, milliseconds: u64, expected: impl FnOnce(&str)) {
    let (team, _, _) = one_turn(reply);
    let ran = run(&team).await;
    expected(&ran.conversation.to_string());
    assert_eq!((ran.end.text(), ran.took), ("Done.", ms(milliseconds)));
}

#[tokio::test(start_paused = true)]
async fn three_tools_of_one_second_end_after_exactly_one_second_in_call_order() {
    let reply = calls([
        ("act", json!({"ms": 1000, "say": "a"})),
        ("act", json!({"ms": 10, "say": "b"})),
        ("act", json!({"ms": 1000, "say": "c"})),
    ]);
    check(reply, 1000, |transcript| {
        assert_snapshot!(transcript, @r#"
        user: Go.
          > call_0_0 act {"ms":1000,"say":"a"}
          > call_0_1 act {"ms":10,"say":"b"}
          > call_0_2 act {"ms":1000,"say":"c"}
          < call_0_0 = a
          < call_0_1 = b
          < call_0_2 = c
        main: Done.
        "#);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fault_8_results_stand_in_one_user_message_and_nothing_else() {
    let (team, model, _) = one_turn(calls([("act", json!({})), ("act", json!({})), ("act", json!({}))]));
    let ran = run(&team).await;
    let contents: Vec<usize> =
        ran.conversation.messages().iter().map(|message| message.content().len()).collect();
    assert_eq!(contents, [1, 3, 3, 1]);
    assert_eq!(model.requests()[1].messages.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn fault_5_one_failure_loses_no_sibling_and_cancels_none() {
    let reply = calls([
        ("act", json!({"ms": 300, "say": "a"})),
        ("act", json!({"ms": 100, "fail": "no luck"})),
        ("act", json!({"ms": 200, "say": "c"})),
    ]);
    check(reply, 300, |transcript| {
        assert_snapshot!(transcript, @r#"
        user: Go.
          > call_0_0 act {"ms":300,"say":"a"}
          > call_0_1 act {"fail":"no luck","ms":100}
          > call_0_2 act {"ms":200,"say":"c"}
          < call_0_0 = a
          < call_0_1 failed: no luck
          < call_0_2 = c
        main: Done.
        "#);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fault_33_a_panic_is_an_error_result_with_its_message_and_siblings_are_fine() {
    let reply = calls([
        ("act", json!({"panic": "index out of cheese"})),
        ("act_blocking", json!({"panic": "on the pool"})),
        ("act", json!({"ms": 200, "say": "c"})),
    ]);
    check(reply, 200, |transcript| {
        assert_snapshot!(transcript, @r#"
        user: Go.
          > call_0_0 act {"panic":"index out of cheese"}
          > call_0_1 act_blocking {"panic":"on the pool"}
          > call_0_2 act {"ms":200,"say":"c"}
          < call_0_0 failed: the tool panicked: index out of cheese
          < call_0_1 failed: the tool panicked: on the pool
          < call_0_2 = c
        main: Done.
        "#);
    })
    .await;
}

/// A tool written without `async`: it panics before there is a future.
struct Hasty(ToolSpec);

impl Tool for Hasty {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn call<'s, 'f>(&'s self, _: Json, _: Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        panic!("too hasty")
    }
}

#[tokio::test(start_paused = true)]
async fn field_59_a_tool_that_panics_before_its_future_is_there_is_an_error_result_with_its_message() {
    let model = Script::new([calls([("hasty", json!({}))]), Reply::text("Done.")]);
    let hasty = Hasty(ToolSpec::new("hasty", "Panics.", json!({"type": "object"})));
    let agent = Agent::builder("main", model).tool(hasty).build().unwrap();
    let ran = run(&Team::new([agent]).unwrap()).await;
    let read = "< call_0_0 failed: the tool panicked: too hasty";
    assert!(ran.conversation.to_string().contains(read), "{}", ran.conversation);
}

/// A tool whose `spec` panics at the second call.
struct Moody(ToolSpec, AtomicUsize);

#[async_trait]
impl Tool for Moody {
    fn spec(&self) -> &ToolSpec {
        assert_eq!(self.1.fetch_add(1, Ordering::Relaxed), 0, "asked once more");
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::output("fine")
    }
}

#[tokio::test(start_paused = true)]
async fn field_59_a_tool_is_asked_once_what_it_is() {
    let model = Script::new([calls([("moody", json!({}))]), Reply::text("Done.")]);
    let moody = Moody(ToolSpec::new("moody", "Is.", json!({"type": "object"})), AtomicUsize::new(0));
    let agent = Agent::builder("main", model).tool(moody).build().unwrap();
    let ran = run(&Team::new([agent]).unwrap().wrap_tools(|tool| tool)).await;
    assert!(ran.conversation.to_string().contains("< call_0_0 = fine"), "{}", ran.conversation);
}

#[tokio::test(start_paused = true)]
async fn fault_21_an_unknown_tool_is_an_error_result_that_names_the_tools_there_are() {
    check(calls([("acct", json!({})), ("act", json!({}))]), 0, |transcript| {
        assert_snapshot!(transcript, @r#"
        user: Go.
          > call_0_0 acct {}
          > call_0_1 act {}
          < call_0_0 failed: there is no tool named "acct"; tools: act, act_first, act_alone, act_blocking, act_briefly
          < call_0_1 = done
        main: Done.
        "#);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fault_18_malformed_input_is_an_error_result_and_the_tool_is_not_called() {
    let cut = agent_core::Json::read(r#"{"INVALID_JSON":"{\"ms\": 1"}"#).unwrap();
    let (team, _, log) = one_turn(Reply::call("act", cut));
    let ran = run(&team).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"INVALID_JSON":"{\"ms\": 1"}
      < call_0_0 failed: invalid input: at the top level: the input is not valid JSON: EOF while parsing an object at line 1 column 8; it was: {"ms": 1
    main: Done.
    "#);
    assert_eq!(log.begun().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_takes_too_long_is_cut_off_and_siblings_are_not() {
    let reply = calls([("act_briefly", json!({"ms": 1000})), ("act", json!({"ms": 200}))]);
    check(reply, 200, |transcript| {
        assert_snapshot!(transcript, @r#"
        user: Go.
          > call_0_0 act_briefly {"ms":1000}
          > call_0_1 act {"ms":200}
          < call_0_0 failed: timed out after 50ms
          < call_0_1 = done
        main: Done.
        "#);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_come_first_go_one_by_one_and_the_others_after_them_at_once() {
    let reply = calls([
        ("act", json!({"ms": 100})),
        ("act_first", json!({"ms": 10})),
        ("act", json!({"ms": 100})),
        ("act_first", json!({"ms": 10})),
    ]);
    check(reply, 120, |_| {}).await;
}

#[tokio::test(start_paused = true)]
async fn exclusive_calls_run_alone_as_barriers_in_call_order() {
    let reply = calls([
        ("act", json!({"ms": 100})),
        ("act", json!({"ms": 50})),
        ("act_alone", json!({"ms": 10})),
        ("act_alone", json!({"ms": 10})),
        ("act", json!({"ms": 100})),
    ]);
    check(reply, 220, |_| {}).await;
}

#[tokio::test(start_paused = true)]
async fn in_sequential_mode_each_call_waits_for_the_one_before() {
    let reply =
        calls([("act", json!({"ms": 100})), ("act", json!({"ms": 200})), ("act", json!({"ms": 300}))]);
    let (team, _, log) = one_turn(reply);
    let mut conversation = agent_core::Conversation::start("main", "Go.");
    let began = tokio::time::Instant::now();
    team.run(&mut conversation).mode(Mode::Sequential).await.unwrap();
    assert_eq!((began.elapsed(), log.peak()), (ms(600), 1));
}

#[tokio::test]
async fn blocking_calls_run_side_by_side_while_the_runtime_has_one_thread() {
    // Each call waits until all three have begun. If they ran one by one, this would never end.
    use std::sync::{Arc, Barrier};

    use agent_core::{
        Agent, Context, Conversation, Json, Outcome, Tool, ToolSpec, async_trait, script::Script,
    };
    struct Meet(ToolSpec, Arc<Barrier>);
    #[async_trait]
    impl Tool for Meet {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }
        async fn call(&self, _: Json, _: Context) -> Outcome {
            self.1.wait();
            Outcome::output("met")
        }
    }
    let mut spec = ToolSpec::new("meet", "Meets the others.", json!({"type": "object"}));
    spec.blocking = true;
    let model = Script::new([calls(vec![("meet", json!({})); 3]), Reply::text("Done.")]);
    let agent = Agent::builder("main", model).tool(Meet(spec, Arc::new(Barrier::new(3)))).build().unwrap();
    let end = agent.run(&mut Conversation::start("main", "Go.")).await.unwrap();
    assert_eq!(end.text(), "Done.");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_calls_a_run_comes_back_as_an_error_result() {
    let (team, _, log) = one_turn(calls(vec![("act", json!({})); 4]));
    let mut conversation = agent_core::Conversation::start("main", "Go.");
    team.run(&mut conversation).limits(agent_core::Limits::new().calls(3)).await.unwrap();
    assert_snapshot!(conversation.to_string(), @"
    user: Go.
      > call_0_0 act {}
      > call_0_1 act {}
      > call_0_2 act {}
      > call_0_3 act {}
      < call_0_0 = done
      < call_0_1 = done
      < call_0_2 = done
      < call_0_3 failed: not run: the limit of 3 tool calls per run is reached
    main: Done.
    ");
    assert_eq!(log.begun().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_calls_at_once_of_any_size_works() {
    for limit in [0, 1, usize::MAX] {
        let (team, _, _) = one_turn(calls(vec![("act", json!({"ms": 10})); 3]));
        let mut limits = agent_core::Limits::new();
        limits.calls_at_once = Some(limit);
        assert_eq!(run(&team.with_limits(limits)).await.end.text(), "Done.");
    }
}
