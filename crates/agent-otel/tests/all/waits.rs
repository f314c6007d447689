//! What requests and calls wait for, and what starts early.

use agent_core::{Agent, Conversation, Limits, model::Notice, script::Reply};
use agent_tools::FnTool;
use serde_json::json;

use crate::common::{Client, Recorder, by_agent, ms, sent};

const WAITS: &[&str] = &[
    "agent.request.attempts",
    "gen_ai.response.time_to_first_chunk",
    "agent.wait.gate_ms",
    "agent.wait.retry_ms",
    "agent.wait.permit_ms",
    "agent.wait.exclusive_ms",
    "agent.wait.person_ms",
    "agent.call.early",
    "agent.call.could_start_earlier_ms",
];

async fn tree_of(model: Client, tool: impl agent_core::Tool + 'static, limits: Limits) -> String {
    let recorder = Recorder::default();
    let agent = Agent::builder("main", model).tool(tool).build().unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let run = agent.run(&mut conversation).limits(limits).listen(recorder.traces.listener());
    run.await.unwrap();
    recorder.assert_nothing_is_open();
    recorder.tree(WAITS)
}

fn tool() -> FnTool {
    FnTool::new("look", "Looks.", |_: ()| async {
        tokio::time::sleep(ms(100)).await;
        "Rain."
    })
}

fn two_calls() -> Client {
    let calls = Reply::call("look", json!({})).and_call("look", json!({}));
    by_agent([("main", vec![calls, Reply::text("It rains.")])])
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_gate_and_for_retries() {
    let wait = Notice::Wait { wait: ms(200), reason: "the gate".to_owned() };
    let retry = Notice::Retry { attempt: 1, wait: ms(300), reason: "busy".to_owned() };
    let limit = Notice::RateLimit { of: "requests".into(), limit: 9, remaining: 1, reset: ms(9) };
    let before = [(ms(10), wait), (ms(250), sent()), (ms(40), retry), (ms(300), limit)];
    let model = by_agent([("main", vec![Reply::text("Hi.")])]).after(before);
    insta::assert_snapshot!(tree_of(model, tool(), Limits::new()).await, @r#"
    invoke_agent main 0-700
      chat claude-test 0-700 attempts=2 time_to_first_chunk=0.1 gate_ms=250 retry_ms=300
        * 10 agent.wait.gate agent.wait.expected_ms=200 agent.reason=the gate
        * 300 agent.wait.retry agent.attempt=1 agent.wait.expected_ms=300 agent.reason=busy
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_permit() {
    let limits = Limits::new().calls_at_once(1);
    insta::assert_snapshot!(tree_of(two_calls(), tool(), limits).await, @r#"
    invoke_agent main 0-400
      * 100 agent.call.queued gen_ai.tool.name=look gen_ai.tool.call.id=call_0_1 agent.reason=permit
      chat claude-test 0-100 attempts=1 time_to_first_chunk=0.1
      execute_tool look 100-200
      execute_tool look 200-300 permit_ms=100
      chat claude-test 300-400 attempts=1 time_to_first_chunk=0.1
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_call_that_takes_turns_with_it() {
    insta::assert_snapshot!(tree_of(two_calls(), tool().exclusive(), Limits::new()).await, @r#"
    invoke_agent main 0-400
      * 100 agent.call.queued gen_ai.tool.name=look gen_ai.tool.call.id=call_0_1 agent.reason=exclusive
      chat claude-test 0-100 attempts=1 time_to_first_chunk=0.1
      execute_tool look 100-200
      execute_tool look 200-300 exclusive_ms=100
      chat claude-test 300-400 attempts=1 time_to_first_chunk=0.1
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_call_starts_while_its_reply_streams_or_could_have() {
    let model = || {
        let reply = Reply::call("look", json!({})).and_text("I look out of the window.").per_token(ms(100));
        by_agent([("main", vec![reply, Reply::text("It rains.")])])
    };
    insta::assert_snapshot!(tree_of(model(), tool().read_only(), Limits::new()).await, @r#"
    invoke_agent main 0-900
      chat claude-test 0-800 attempts=1 time_to_first_chunk=0.1
      execute_tool look 200-300 early=true
      chat claude-test 800-900 attempts=1 time_to_first_chunk=0.1
    "#);
    insta::assert_snapshot!(tree_of(model(), tool(), Limits::new()).await, @r#"
    invoke_agent main 0-1000
      chat claude-test 0-800 attempts=1 time_to_first_chunk=0.1
      execute_tool look 800-900 could_start_earlier_ms=600
      chat claude-test 900-1000 attempts=1 time_to_first_chunk=0.1
    "#);
}
