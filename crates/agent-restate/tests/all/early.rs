//! Calls that only read, and start while their reply still streams.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{Context, EventKind, Limits, Team, script::Reply, tool::Permits};
use agent_restate::{RestateError, Services};
use agent_tools::FnTool;
use restate_server::query;

use crate::common::{Calls, Input, Stage, alone, as_in_process, calls_of, calls_then_done, start, tool};

/// A reply with these calls, of which each comes 30 ms after the one before. When the last one comes,
/// the reply has ended.
fn reply(calls: &[(&str, &str)]) -> Reply {
    calls_of(calls).per_block(Duration::from_millis(30))
}

/// A clerk who makes these calls, with a tool that reads and one that acts.
fn clerk(calls: &[(&str, &str)], log: &Calls, open: &Calls) -> Team {
    let (read, act) = (tool("read", log, open).read_only(), tool("act", log, open));
    alone(calls_then_done(reply(calls)), [read, act])
}

/// Which of the calls were invocations.
async fn invoked(stage: &Stage) -> usize {
    let sql = "SELECT id FROM sys_invocation WHERE target_service_name = 'AgentTools'";
    query(stage.cluster.admin(), sql).await.unwrap().len()
}

/// Runs this team in process and on the engine. Both make the same calls, with the same results.
/// On the engine, so many of them are invocations: they did not start early.
async fn check(team: impl Fn(&Calls) -> Team, invocations: usize) {
    let Some((stage, _)) = as_in_process(team).await else { return };
    assert_eq!(invoked(&stage).await, invocations);
}

#[tokio::test]
async fn calls_that_only_read_are_made_while_their_reply_streams_and_saved_with_it() {
    let calls = [("read", "a"), ("act", "b"), ("read", "c"), ("act", "d"), ("act", "e")];
    check(|log| clerk(&calls, log, log), 3).await;
}

#[tokio::test]
async fn what_another_limit_bounds_does_not_start_early() {
    let calls = [("read", "a"), ("read", "b"), ("act", "c"), ("act", "d")];
    // The engine gives the permits.
    let limits = Limits::new().permits(Permits::new(2));
    check(|log| clerk(&calls, log, log).with_limits(limits.clone()), 4).await;
    check(|log| clerk(&calls, log, log).with_limits(Limits::new().calls_at_once(2)), 4).await;
    // Only one of the tools has a limit.
    let team = |log: &Calls| {
        let bounded = tool("act", log, log).read_only().permits(Permits::new(2));
        alone(calls_then_done(reply(&calls)), [tool("read", log, log).read_only(), bounded])
    };
    check(team, 2).await;
}

#[tokio::test]
async fn no_more_calls_start_early_than_the_run_may_make() {
    let (log, calls) = (Calls::default(), [("read", "a"), ("read", "b"), ("read", "c")]);
    let team = clerk(&calls, &log, &log).with_limits(Limits::new().calls(2));
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = start("s");
    stage.host.run(&mut conversation).await.unwrap();
    assert_eq!(log.made().len(), 2);
    let refused = "call_0_2 failed: not run: the limit of 2 tool calls per run is reached";
    assert!(conversation.to_string().contains(refused), "{conversation}");
}

#[tokio::test]
async fn a_reply_whose_calls_all_read_waits_for_them_and_makes_no_invocation() {
    let (log, open, told) = (Calls::default(), Calls::default(), Arc::new(Mutex::new(Vec::new())));
    let (ears, opens) = (told.clone(), open.clone());
    let team = clerk(&[("read", "hang"), ("read", "quick"), ("read", "quick")], &log, &open);
    let services = Services::new(team).listen(move |event| {
        let what = match &event.kind {
            EventKind::TurnEnded { .. } => {
                // Only now the first call goes on.
                opens.note("open".to_owned());
                "the reply has ended".to_owned()
            }
            EventKind::CallStarted { id, .. } => format!("{id} starts"),
            EventKind::CallEnded { id, result, .. } => format!("{id} = {result}"),
            _ => return,
        };
        ears.lock().unwrap().push(what);
    });
    let Some(stage) = Stage::open(services).await else { return };
    assert_eq!(stage.host.run(&mut start("s")).await.unwrap().text(), "Done.");
    let told = told.lock().unwrap().clone();
    assert_eq!(told[0], "call_0_0 starts");
    let end = told.iter().position(|line| line == "the reply has ended").unwrap();
    assert!(told.iter().position(|line| line == "call_0_0 = hang").unwrap() > end, "{told:?}");
    assert_eq!(told.len(), 8, "each start and end is told once: {told:?}");
    assert_eq!(invoked(&stage).await, 0);
}

#[tokio::test]
async fn a_call_that_still_reads_holds_up_no_other_call_of_its_reply() {
    let (log, open) = (Calls::default(), Calls::default());
    let Some(stage) =
        Stage::open(Services::new(clerk(&[("read", "hang"), ("act", "a"), ("act", "b")], &log, &open))).await
    else {
        return;
    };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    // It was stopped with the reply, and made again beside the other one.
    log.until(|log| log.get("s/call_0_0") == Some(&2) && log.len() == 3).await;
    open.note("open".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(ran.end.unwrap().text(), "Done.");
    assert_eq!(invoked(&stage).await, 3);
}

#[tokio::test]
async fn a_call_that_was_saved_with_its_reply_is_not_made_again() {
    let (log, open) = (Calls::default(), Calls::default());
    let serve = || {
        let calls = [("read", "a"), ("act", "hang"), ("act", "b")];
        let act = tool("act", &log, &open).idempotent();
        Services::new(alone(calls_then_done(reply(&calls)), [tool("read", &log, &open).read_only(), act]))
    };
    let Some(mut stage) = Stage::open(serve()).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    log.until(|log| log.contains_key("s/call_0_1")).await;
    stage.replace(serve()).await;
    log.until(|log| log["s/call_0_1"] == 2).await;
    open.note("open".to_owned());
    assert_eq!(stage.host.attach(&run).await.unwrap().end.unwrap().text(), "Done.");
    assert_eq!(log.made()["s/call_0_0"], 1);
}

#[tokio::test]
async fn a_call_whose_reply_was_not_saved_is_made_again_with_its_request() {
    let (log, open) = (Calls::default(), Calls::default());
    let calls = [("read", "quick"), ("read", "hang"), ("read", "last")];
    let serve = || Services::new(clerk(&calls, &log, &open));
    let Some(mut stage) = Stage::open(serve()).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    log.until(|log| log.len() == 3).await;
    stage.replace(serve()).await;
    log.until(|log| log.values().all(|times| *times == 2)).await;
    open.note("open".to_owned());
    assert_eq!(stage.host.attach(&run).await.unwrap().end.unwrap().text(), "Done.");
    assert_eq!(log.made().into_values().collect::<Vec<_>>(), [2, 2, 2]);
}

#[tokio::test]
async fn a_run_that_is_cancelled_stops_its_early_calls() {
    /// Notes that the call was dropped.
    struct Dropped(Calls);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.note("dropped".to_owned());
        }
    }
    let (log, dropped) = (Calls::default(), Calls::default());
    let (noted, gone) = (log.clone(), dropped.clone());
    let read = FnTool::new("read", "Never ends.", move |_: Input, context: Context| {
        let dropped = Dropped(gone.clone());
        noted.note(context.key());
        async move {
            std::future::pending::<()>().await;
            drop(dropped);
            Ok::<_, String>(String::new())
        }
    });
    let model = calls_then_done(reply(&[("read", "a"), ("read", "b")]));
    let Some(stage) = Stage::open(Services::new(alone(model, [read.read_only()]))).await else { return };
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    log.until(|log| log.len() == 2).await;
    assert!(stage.host.cancel("s").await.unwrap());
    let ended = stage.host.attach(&run).await;
    assert!(matches!(ended, Err(RestateError::Cancelled)), "{ended:?}");
    dropped.until(|dropped| dropped.get("dropped") == Some(&2)).await;
}
