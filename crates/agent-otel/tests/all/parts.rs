//! Plans and calls in the background: calls below a call, without an agent between them.

use agent_core::{Agent, Conversation, Team, script::Reply};
use agent_tools::{AgentTool, Detached, FnTool, PlanTool};
use serde_json::{Map, Value, json};

use crate::common::{Recorder, by_agent, ms};

fn tool(name: &'static str, takes: u64) -> FnTool {
    FnTool::new(name, "Takes its time.", move |_: Map<String, Value>| async move {
        tokio::time::sleep(ms(takes)).await;
        "done".to_owned()
    })
}

async fn tree(agents: Vec<Agent>) -> String {
    let recorder = Recorder::default();
    let mut conversation = Conversation::start("main", "Go.").with_id("run");
    let team = Team::new(agents).unwrap();
    team.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
    recorder.assert_nothing_is_open();
    recorder.tree(&["agent.end", "agent.call.early"])
}

#[tokio::test(start_paused = true)]
async fn the_steps_of_a_plan_are_under_its_call() {
    let steps = json!({"steps": [
        {"id": "a", "tool": "look", "input": {}},
        {"id": "b", "tool": "clerk", "input": {"task": "Count."}},
        {"id": "c", "tool": "sum", "input": {"of": {"$from": "a"}}}
    ]});
    let model = by_agent([
        ("main", vec![Reply::call("plan", steps), Reply::text("Done.")]),
        ("clerk", vec![Reply::call("sum", json!({})), Reply::text("One.")]),
    ]);
    let main = Agent::builder("main", model.clone()).tool(tool("look", 300)).tool(tool("sum", 500));
    let main = main.tool(AgentTool::new("clerk", "Counts.")).tool(PlanTool::new());
    let clerk = Agent::builder("clerk", model).tool(tool("sum", 200));
    insta::assert_snapshot!(tree(vec![main.build().unwrap(), clerk.build().unwrap()]).await, @"
    invoke_agent main 0-1000 end=answered
      chat claude-test 0-100
      execute_tool plan 100-900
        execute_tool look 100-400
        execute_tool clerk 100-500
          invoke_agent clerk 100-500 end=answered
            chat claude-test 100-200
            execute_tool sum 200-400
            chat claude-test 400-500
        execute_tool sum 400-900
      chat claude-test 900-1000
    ");
}

#[tokio::test(start_paused = true)]
async fn a_call_in_the_background_is_under_the_turn_that_made_it_though_others_follow() {
    let model = by_agent([
        (
            "main",
            vec![
                Reply::call("search", json!({})).and_call("clerk", json!({"task": "Count."})),
                Reply::call("look", json!({})),
                Reply::text("Wait."),
                Reply::text("Done."),
            ],
        ),
        ("clerk", vec![Reply::text("One.")]),
    ]);
    let main = Agent::builder("main", model.clone()).tool(Detached::new(tool("search", 5000)));
    let main = main.tool(Detached::new(AgentTool::new("clerk", "Counts."))).tool(tool("look", 300));
    let clerk = Agent::builder("clerk", model);
    insta::assert_snapshot!(tree(vec![main.build().unwrap(), clerk.build().unwrap()]).await, @"
    invoke_agent main 0-5200 end=answered
      chat claude-test 0-100
      chat claude-test 100-200
      execute_tool search 100-5100
        * 100 agent.call.detached
        execute_tool search 100-5100
      execute_tool clerk 100-200
        * 100 agent.call.detached
        execute_tool clerk 100-200
          invoke_agent clerk 100-200 end=answered
            chat claude-test 100-200
      execute_tool look 200-500
      chat claude-test 500-600
      chat claude-test 5100-5200
    ");
}
