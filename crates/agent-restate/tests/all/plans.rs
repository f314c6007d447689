//! Calls that depend on each other, each an invocation of its own.

use agent_core::script::{Reply, Script};
use agent_core::{Agent, Team};
use agent_restate::Services;
use agent_tools::{AgentTool, PlanTool};
use serde_json::{Value, json};

use crate::common::{Calls, Stage, calls_then_done, start, tool};

/// A clerk who makes this plan, with the tool `note` and an agent who uses it, too.
fn office(plan: Value, calls: &Calls, open: &Calls) -> Services {
    let clerk = Agent::builder("clerk", calls_then_done(Reply::call("plan", plan)))
        .tool(tool("note", calls, open).idempotent())
        .tool(AgentTool::new("ada", "Notes it."))
        .tool(PlanTool::new());
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("note", json!({"say": request.last_text()})),
        _ => Reply::text("Ada noted it."),
    });
    let ada = Agent::builder("ada", model).tool(tool("note", calls, open).idempotent());
    Services::new(Team::new([clerk.build().unwrap(), ada.build().unwrap()]).unwrap())
}

/// The result of the plan, as the model reads it.
fn result(ran: &agent_restate::RunResult) -> String {
    let mut results = ran.conversation.messages().iter().flat_map(|message| message.tool_results());
    let (_, content, is_error) = results.next().unwrap();
    format!("{}{}", if is_error { "ERROR " } else { "" }, content.to_text())
}

#[tokio::test]
async fn a_plan_goes_on_in_another_process_and_repeats_no_step() {
    let (calls, open) = (Calls::default(), Calls::default());
    let plan = json!({"steps": [
        {"id": "list", "tool": "note", "input": {"say": "[\"x\", \"hang\"]"}},
        {"id": "each", "tool": "note", "for_each": {"$from": "list"}, "input": {"say": {"$item": ""}}},
        {"id": "ada", "tool": "ada", "input": {"task": {"$text": ["note ", {"$from": "each", "path": "/0"}]}}},
    ]});
    let Some(mut stage) = Stage::open(office(plan.clone(), &calls, &open)).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    calls.until(|calls| calls.contains_key("s/call_0_0/each/1")).await;
    stage.replace(office(plan, &calls, &open)).await;
    open.note("now".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(result(&ran), "Ada noted it.");
    let made = calls.made();
    let keys: Vec<&str> = made.keys().map(String::as_str).collect();
    let ada = "s/call_0_0/ada/call_0_0";
    assert_eq!(keys, [ada, "s/call_0_0/each/0", "s/call_0_0/each/1", "s/call_0_0/list"]);
    // Only the calls for the items may have been made again: they were under way, or had just ended.
    assert!(made.iter().all(|(key, times)| *times == 1 || key.contains("/each/")), "{made:?}");
}

#[tokio::test]
async fn a_plan_that_has_enough_stops_what_still_runs() {
    let (calls, open) = (Calls::default(), Calls::default());
    let plan = json!({"enough": 1, "steps": [
        {"id": "never", "tool": "note", "input": {"say": "hang"}},
        {"id": "ada", "tool": "ada", "input": {"task": "hang"}},
        {"id": "quick", "tool": "note", "input": {"say": "quick"}},
    ]});
    let Some(stage) = Stage::open(office(plan, &calls, &open)).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    let ran = stage.host.attach(&run).await.unwrap();
    let result = result(&ran);
    assert!(result.starts_with("quick\nStep \"never\" was stopped: cancelled"), "{result}");
    assert!(result.contains("Step \"ada\" was stopped: "), "{result}");
}
