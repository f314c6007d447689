//! Transfers of a conversation, and delegations.

use agent_core::{Agent, Conversation, LlmError, Team, model::LlmErrorKind, script::Reply};
use agent_handoff::Handoff;
use agent_otel::Traces;
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::{Client, Recorder, by_agent};

const TRANSFER: &[&str] = &[
    "gen_ai.agent.name",
    "gen_ai.transfer.mode",
    "gen_ai.transfer.target.name",
    "gen_ai.transfer.target.type",
];

async fn tree_of(model: Client, is_asked: bool, attributes: &[&str]) -> String {
    let recorder = Recorder::new(Traces::builder().transfers(is_asked));
    let handoff = Handoff::to([("billing", "Invoices.")]);
    let triage =
        Agent::builder("triage", model.clone()).tools(handoff).tool(AgentTool::new("clerk", "Helps."));
    let look = FnTool::new("look", "Looks.", |_: ()| async { "Paid." });
    let back = Handoff::to([("triage", "All else.")]);
    let billing = Agent::builder("billing", model.clone()).tools(back).tool(look);
    let clerk = Agent::builder("clerk", model);
    let team = [triage, billing, clerk].map(|agent| agent.build().unwrap());
    let mut conversation = Conversation::start("triage", "Is it paid?");
    let run = Team::new(team).unwrap();
    run.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
    recorder.assert_nothing_is_open();
    recorder.tree(attributes)
}

fn hand_over() -> Reply {
    Reply::call("handoff", json!({"name": "billing", "reason": "An invoice."}))
}

fn broken() -> Reply {
    Reply::error(LlmError::new(LlmErrorKind::Overloaded, "too busy"))
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_takes_over_has_a_span_in_that_of_the_conversation() {
    let billing = vec![Reply::call("look", json!({})), Reply::text("It is paid.")];
    let model = by_agent([("triage", vec![hand_over()]), ("billing", billing)]);
    insta::assert_snapshot!(tree_of(model, false, TRANSFER).await, @r#"
    invoke_agent triage 0-300 name=triage
      * 200 agent.transferred agent.from=triage gen_ai.agent.name=billing
      chat claude-test 0-100 name=triage
      invoke_agent billing 100-300 name=billing
        chat claude-test 100-200 name=billing
        chat claude-test 200-300 name=billing
        execute_tool look 200-200 name=billing
      execute_tool handoff 100-200 name=triage
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_fails_is_an_error_of_the_other_agent() {
    let model =
        by_agent([("triage", vec![hand_over(), Reply::text("I don't know.")]), ("billing", vec![broken()])]);
    insta::assert_snapshot!(tree_of(model, false, TRANSFER).await, @r#"
    invoke_agent triage 0-300 name=triage
      * 200 agent.transfer_failed agent.from=triage gen_ai.agent.name=billing agent.reason=the model's server is overloaded: too busy
      chat claude-test 0-100 name=triage
      invoke_agent billing 100-200 name=billing ERROR overloaded: the model's server is overloaded: too busy
        chat claude-test 100-200 name=billing ERROR overloaded: the model's server is overloaded: too busy
      execute_tool handoff 100-200 name=triage ERROR tool_error: 
      chat claude-test 200-300 name=triage
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_comes_back_from_an_agent_that_fails() {
    let billing = vec![Reply::call("look", json!({})), broken()];
    let model = by_agent([("triage", vec![hand_over(), Reply::text("I don't know.")]), ("billing", billing)]);
    insta::assert_snapshot!(tree_of(model, false, TRANSFER).await, @r#"
    invoke_agent triage 0-400 name=triage
      * 200 agent.transferred agent.from=triage gen_ai.agent.name=billing
      * 300 agent.came_back agent.from=billing gen_ai.agent.name=triage agent.reason=the model's server is overloaded: too busy
      chat claude-test 0-100 name=triage
      invoke_agent billing 100-300 name=billing ERROR overloaded: the model's server is overloaded: too busy
        chat claude-test 100-200 name=billing
        chat claude-test 200-300 name=billing ERROR overloaded: the model's server is overloaded: too busy
        execute_tool look 200-200 name=billing
      execute_tool handoff 100-200 name=triage
      chat claude-test 300-400 name=triage
    "#);
}

#[tokio::test(start_paused = true)]
async fn calls_say_to_whom_they_lead_if_asked() {
    let ask = Reply::call("clerk", json!({"task": "Help."}));
    let model = by_agent([
        ("triage", vec![ask, hand_over()]),
        ("billing", vec![Reply::text("It is paid.")]),
        ("clerk", vec![Reply::text("Ask billing.")]),
    ]);
    insta::assert_snapshot!(tree_of(model, true, TRANSFER).await, @r#"
    invoke_agent triage 0-400 name=triage
      * 400 agent.transferred agent.from=triage gen_ai.agent.name=billing
      chat claude-test 0-100 name=triage
      execute_tool clerk 100-200 name=triage mode=return_to_caller name=clerk type=agent
        invoke_agent clerk 100-200 name=clerk
          chat claude-test 100-200 name=clerk
      chat claude-test 200-300 name=triage
      invoke_agent billing 300-400 name=billing
        chat claude-test 300-400 name=billing
      execute_tool handoff 300-400 name=triage mode=pass_control name=billing type=agent
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hands_the_conversation_back_has_ended() {
    let back = Reply::call("handoff", json!({"name": "triage", "reason": "No invoice."}));
    let triage = vec![hand_over(), Reply::text("I help you.")];
    let model = by_agent([("triage", triage), ("billing", vec![back])]);
    insta::assert_snapshot!(tree_of(model, false, TRANSFER).await, @r#"
    invoke_agent triage 0-300 name=triage
      * 200 agent.transferred agent.from=triage gen_ai.agent.name=billing
      * 300 agent.transferred agent.from=billing gen_ai.agent.name=triage
      chat claude-test 0-100 name=triage
      invoke_agent billing 100-200 name=billing
        chat claude-test 100-200 name=billing
        execute_tool handoff 200-300 name=billing
      execute_tool handoff 100-200 name=triage
      chat claude-test 200-300 name=triage
    "#);
}
