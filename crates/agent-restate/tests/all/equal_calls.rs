//! Equal calls that share one execution.

use std::sync::{Arc, Mutex};

use agent_core::{Agent, EventKind, Limits, Team, script::Reply};
use agent_restate::Services;
use agent_tools::{FnTool, PlanTool};
use serde_json::json;

use crate::common::{Calls, Stage, alone, as_in_process, calls_of, calls_then_done, start, tool};

/// Runs a team in process and on the engine. Both make the same ones, with the same results.
async fn check(team: impl Fn(&Calls) -> Team, expected: &[&str]) {
    let Some((_stage, calls)) = as_in_process(team).await else { return };
    let made = calls.made();
    let made: Vec<&str> =
        made.iter().map(|(key, times)| if *times == 1 { &**key } else { "twice" }).collect();
    assert_eq!(made, expected);
}

/// A clerk who makes these calls.
fn clerk(calls: &[(&str, &str)], tools: impl IntoIterator<Item = FnTool>) -> Team {
    alone(calls_then_done(calls_of(calls)), tools)
}

fn reads(calls: &Calls) -> FnTool {
    tool("read", calls, calls).read_only().shared()
}

#[tokio::test]
async fn equal_calls_of_a_shared_tool_are_made_once_and_all_get_the_result() {
    let calls = [("read", "a"), ("read", "b"), ("read", "a"), ("act", "a"), ("act", "a"), ("read", "a")];
    let team = |log: &Calls| clerk(&calls, [reads(log), tool("act", log, log)]);
    check(team, &["s/call_0_0", "s/call_0_1", "s/call_0_3", "s/call_0_4"]).await;
}

#[tokio::test]
async fn equal_calls_count_once_for_the_limit_of_calls() {
    let calls = [("read", "a"), ("read", "a"), ("read", "b"), ("read", "a"), ("read", "c")];
    // The fourth call is beyond the limit of its reply.
    let limits = Limits::new().calls(2).calls_in_reply(3);
    check(|log| clerk(&calls, [reads(log)]).with_limits(limits.clone()), &["s/call_0_0", "s/call_0_2"]).await;
}

#[tokio::test]
async fn calls_before_and_after_one_that_runs_alone_share_nothing() {
    let calls = [("read", "a"), ("alone", "x"), ("read", "a")];
    let team = |log: &Calls| clerk(&calls, [reads(log), tool("alone", log, log).exclusive()]);
    check(team, &["s/call_0_0", "s/call_0_1", "s/call_0_2"]).await;
}

#[tokio::test]
async fn a_step_of_a_plan_that_begins_later_gets_the_result_that_is_there() {
    let plan = json!({"steps": [
        {"id": "first", "tool": "read", "input": {"say": "a"}},
        {"id": "act", "tool": "act", "input": {"say": {"$from": "first"}}},
        {"id": "again", "tool": "read", "input": {"say": {"$from": "act"}}},
    ]});
    let team = |calls: &Calls| {
        let clerk = Agent::builder("clerk", calls_then_done(Reply::call("plan", plan.clone())));
        let clerk = clerk.tool(reads(calls)).tool(tool("act", calls, calls)).tool(PlanTool::new());
        Team::new([clerk.build().unwrap()]).unwrap()
    };
    check(team, &["s/call_0_0/act", "s/call_0_0/first"]).await;
}

#[tokio::test]
async fn a_shared_call_goes_on_in_another_process_and_each_is_told_of() {
    let (calls, open, told) = (Calls::default(), Calls::default(), Arc::new(Mutex::new(Vec::new())));
    let serve = || {
        let ears = told.clone();
        let read = tool("read", &calls, &open).read_only().shared();
        let team = clerk(&[("read", "hang"), ("read", "hang")], [read]);
        Services::new(team).listen(move |event| match &event.kind {
            EventKind::CallStarted { id, .. } => ears.lock().unwrap().push(format!("{id} starts")),
            EventKind::CallEnded { id, result, .. } => ears.lock().unwrap().push(format!("{id} = {result}")),
            _ => {}
        })
    };
    let Some(mut stage) = Stage::open(serve()).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    calls.until(|calls| !calls.is_empty()).await;
    stage.replace(serve()).await;
    open.note("open".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(ran.end.unwrap().text(), "Done.");
    assert_eq!(calls.made(), [("s/call_0_0".to_owned(), 2)].into());
    let mut told = told.lock().unwrap().clone();
    told.sort();
    // Only the interrupted one begins again.
    told.dedup();
    assert_eq!(told, ["call_0_0 = hang", "call_0_0 starts", "call_0_1 = hang", "call_0_1 starts"]);
}
