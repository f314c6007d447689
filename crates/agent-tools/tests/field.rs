//! What was tried on these crates, and failed.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use agent_core::{
    Agent, Context, Conversation, Json, Outcome, Permits, Tool,
    script::{Reply, Script},
};
use agent_tools::{FnTool, NeedsApproval, Retried, math};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, advance, sleep},
};

#[derive(Deserialize, JsonSchema)]
struct Word {
    word: String,
}

/// An agent that calls its tool so often in one reply, and then says "Done."
fn caller(tool: impl Tool + 'static, times: usize) -> Agent {
    let name = tool.spec().name.clone();
    let calls = (0..times).fold(Reply::default(), |reply, at| {
        reply.and_call(&name, json!({"word": at.to_string()}))
    });
    Agent::builder("main", Script::new([calls, Reply::text("Done.")])).tool(tool).build().unwrap()
}

/// The lines of a conversation that are results.
async fn results(agent: &Agent) -> Vec<String> {
    let mut conversation = Conversation::start("main", "Go.");
    agent.run(&mut conversation).await.unwrap();
    let transcript = conversation.to_string();
    transcript.lines().filter_map(|line| line.strip_prefix("  < ")).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn field_47_a_sync_function_holds_up_no_other_run_and_its_timeout_holds() {
    let (release, released) = mpsc::channel::<()>();
    let (begun, stuck) = (Arc::new(Notify::new()), Mutex::new(released));
    let begin = begun.clone();
    let permits = Permits::new(1);
    let stuck = FnTool::new("stuck", "Returns when it may.", move |Word { word }: Word| {
        begin.notify_one();
        let _ = stuck.lock().unwrap().recv_timeout(Duration::from_secs(10));
        Ok::<_, String>(word)
    });
    let stuck = caller(stuck.timeout(Duration::from_millis(100)).permits(permits.clone()), 1);
    let brief = FnTool::new("brief", "Waits a little.", async |Word { word }: Word| {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, String>(word)
    });
    let brief = caller(brief, 1);

    let start = Instant::now();
    let others = async {
        begun.notified().await;
        // The clock does not move by itself as long as something blocks.
        let (results, ()) = tokio::join!(results(&brief), advance_when_asked(20));
        assert_eq!((results, start.elapsed().as_millis()), (vec!["call_0_0 = 0".to_owned()], 20));
        advance(Duration::from_millis(80)).await;
    };
    let (stuck, ()) = tokio::join!(results(&stuck), others);
    assert_eq!(stuck, ["call_0_0 failed: timed out after 100ms"]);
    assert_eq!(start.elapsed().as_millis(), 100);
    drop(release);
}

/// Moves the clock once the others have set their timers.
async fn advance_when_asked(ms: u64) {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    advance(Duration::from_millis(ms)).await;
}

#[test]
fn field_47_calls_of_a_sync_function_compute_side_by_side_and_wait_without_a_thread() {
    // One thread of the pool: it is free while a call waits for its next attempt, or for anything else.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).start_paused(true).build().unwrap();
    let tries = Mutex::new(0);
    let tool = FnTool::new("flaky", "Fails at first.", move |Word { word }: Word| {
        *tries.lock().unwrap() += 1;
        if *tries.lock().unwrap() > 2 { Ok(word) } else { Err("no") }
    });
    let agent = caller(Retried::new(tool.idempotent(), 1).unwrap(), 2);
    runtime.block_on(async {
        let start = Instant::now();
        assert_eq!(results(&agent).await, ["call_0_0 = 0", "call_0_1 = 1"]);
        assert_eq!(start.elapsed().as_millis(), 200, "both wait at the same time");
    });
}

#[tokio::test(start_paused = true)]
async fn field_47_a_sync_function_may_block_on_a_future_of_its_own() {
    let tool = FnTool::new("bridge", "Waits for async code.", |Word { word }: Word| {
        let word = async move { format!("{word}!") };
        Ok::<_, String>(tokio::runtime::Handle::current().block_on(word))
    });
    assert_eq!(results(&caller(tool, 1)).await, ["call_0_0 = 0!"]);
}

#[test]
fn field_47_which_tools_run_on_the_blocking_pool() {
    let sync = || FnTool::new("t", "", |Word { word }: Word| Ok::<_, String>(word));
    let with_context = FnTool::new("t", "", |_: Word, context: Context| Ok::<_, String>(context.key()));
    let slow = || FnTool::new("t", "", async |Word { word }: Word| Ok::<_, String>(word));
    let check = |tool: &dyn Tool, expected: bool| assert_eq!(tool.spec().blocking, expected);
    check(&sync(), true);
    check(&with_context, true);
    check(&sync().instant(), false);
    check(&NeedsApproval::new(sync()), true);
    check(&Retried::new(sync().idempotent(), 1).unwrap(), true);
    check(&NeedsApproval::new(sync().instant()), false);
    check(&slow(), false);
    check(&slow().blocking(), true);
    math::tools().iter().for_each(|tool| check(tool, false));
}
