//! What fails, and what is dropped.

use agent_core::{
    Agent, Conversation, Limits, LlmError, StopReason, Team, model::LlmErrorKind, script::Reply,
};
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::{Client, Recorder, by_agent, ms};

fn overloaded() -> Reply {
    Reply::error(LlmError::new(LlmErrorKind::Overloaded, "too busy"))
}

/// The tree of a run of `main`, which may ask `other` and has a tool that takes a second.
async fn tree_of(model: Client, stopped_after: Option<std::time::Duration>) -> String {
    let recorder = Recorder::default();
    let slow = FnTool::new("slow", "Takes a second.", |_: ()| async {
        tokio::time::sleep(ms(1000)).await;
        "done"
    });
    let broken =
        FnTool::new("broken", "Fails.", |_: ()| async { Err::<String, _>("no such file".to_owned()) });
    let main = Agent::builder("main", model.clone()).tool(AgentTool::new("other", "Helps.")).tool(broken);
    let other = Agent::builder("other", model).tool(slow);
    let team = Team::new([main.build().unwrap(), other.build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let limits = Limits::new().turns(3);
    let run = team.run(&mut conversation).limits(limits).listen(recorder.traces.listener());
    match stopped_after {
        Some(time) => assert!(tokio::time::timeout(time, run).await.is_err()),
        None => drop(run.await),
    }
    // The tasks of a dropped run end when the runtime comes to them.
    tokio::task::yield_now().await;
    recorder.assert_nothing_is_open();
    recorder.tree(&["agent.end"])
}

fn ask_other() -> Reply {
    Reply::call("other", json!({"task": "Help."}))
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_is_an_error_of_the_turn_and_of_the_agent() {
    let model = by_agent([("main", vec![overloaded()])]);
    insta::assert_snapshot!(tree_of(model, None).await, @r#"
    invoke_agent main 0-100 ERROR overloaded: the model's server is overloaded: too busy
      chat claude-test 0-100 ERROR overloaded: the model's server is overloaded: too busy
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_an_error_of_the_call_only() {
    let model = by_agent([("main", vec![Reply::call("broken", json!({})), Reply::text("It failed.")])]);
    insta::assert_snapshot!(tree_of(model, None).await, @r#"
    invoke_agent main 0-200 end=answered
      chat claude-test 0-100
      chat claude-test 100-200
      execute_tool broken 100-100 ERROR tool_error:
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_delegated_agent_that_fails_ends_with_its_call() {
    let model =
        by_agent([("main", vec![ask_other(), Reply::text("Alone, then.")]), ("other", vec![overloaded()])]);
    insta::assert_snapshot!(tree_of(model, None).await, @r#"
    invoke_agent main 0-300 end=answered
      chat claude-test 0-100
      execute_tool other 100-200 ERROR tool_error: 
        invoke_agent other 100-200 ERROR overloaded: the model's server is overloaded: too busy
          chat claude-test 100-200 ERROR overloaded: the model's server is overloaded: too busy
      chat claude-test 200-300
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_end_without_an_answer_is_an_error() {
    let cut = by_agent([("main", vec![Reply::text("And then").stop(StopReason::MaxTokens)])]);
    insta::assert_snapshot!(tree_of(cut, None).await, @r#"
    invoke_agent main 0-100 end=cut ERROR max_tokens: the reply was cut: max_tokens
      chat claude-test 0-100
    "#);
    let again = || Reply::call("broken", json!({}));
    let without_end = by_agent([("main", vec![again(), again(), again()])]);
    insta::assert_snapshot!(tree_of(without_end, None).await, @r#"
    invoke_agent main 0-300 end=turn_limit ERROR turn_limit: no answer after 3 turns
      chat claude-test 0-100
      chat claude-test 100-200
      execute_tool broken 100-100 ERROR tool_error: 
      chat claude-test 200-300
      execute_tool broken 200-200 ERROR tool_error: 
      execute_tool broken 300-300 ERROR tool_error:
    "#);
}

#[tokio::test(start_paused = true)]
async fn all_spans_of_a_dropped_run_end_with_an_error() {
    let model = by_agent([("main", vec![ask_other()]), ("other", vec![Reply::call("slow", json!({}))])]);
    insta::assert_snapshot!(tree_of(model.clone(), Some(ms(150))).await, @r#"
    invoke_agent main 0-100 ERROR dropped: the run has no end
      chat claude-test 0-100
      execute_tool other 100-100 ERROR dropped: the run has no end
        invoke_agent other 100-100 ERROR dropped: the run has no end
          chat claude-test 100-100 ERROR dropped: the run has no end
    "#);
    let model = by_agent([("main", vec![ask_other()]), ("other", vec![Reply::call("slow", json!({}))])]);
    insta::assert_snapshot!(tree_of(model, Some(ms(500))).await, @r#"
    invoke_agent main 0-200 ERROR dropped: the run has no end
      chat claude-test 0-100
      execute_tool other 100-200 ERROR dropped: the run has no end
        invoke_agent other 100-200 ERROR dropped: the run has no end
          chat claude-test 100-200
          execute_tool slow 200-200 ERROR dropped: the run has no end
    "#);
}
