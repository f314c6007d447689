//! Calls that wait for a person's approval, without a journal.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, Conversation, End, EventKind, Json, Tool,
    event::EventLog,
    script::{Reply, Script},
};
use agent_tools::FnTool;
use insta::{allow_duplicates, assert_snapshot};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

#[derive(Deserialize, JsonSchema)]
struct Given {
    what: String,
}

/// A tool that says what it was given, after a second, and how often it did.
fn tool(name: &str) -> (FnTool, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let tool = FnTool::new(name, "Does it.", move |given: Given| {
        let count = count.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            count.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(given.what)
        }
    });
    (tool, made)
}

/// A run of a reply that streams for two seconds, in which calls wait; what `read` makes of it.
async fn check(read_only: bool, reads_events: bool) {
    let ((pay, paid), (look, _)) = (tool("pay"), tool("look"));
    let pay = if read_only { pay.read_only() } else { pay };
    let reply = Reply::call("pay", json!({"what": "Ada"}))
        .and_call("look", json!({"what": "around"}))
        .and_call("pay", json!({"what": "Bob"}))
        .and_call("pay", json!({"what": "Ada"}))
        .per_block(Duration::from_millis(500));
    let model = Script::new([reply, Reply::text("Done.")]);
    let agent = Agent::builder("clerk", model).tool(pay.needs_approval()).tool(look.read_only());
    let agent = agent.build().unwrap();

    let (mut conversation, began) = (agent.start("Pay them."), Instant::now());
    let mut run = agent.run(&mut conversation);
    let mut told = Vec::new();
    while let (true, Some(event)) = (reads_events, run.next().await) {
        let line = EventLog::new(80).line(&event).unwrap_or_default();
        if let EventKind::CallWaiting { key, .. } = event.kind {
            assert!(line.ends_with(&format!("({key})")), "{line}");
            told.push(key.to_string());
        }
    }
    let End::Waiting(calls) = run.await.unwrap() else { panic!("it waits") };
    assert!(began.elapsed() <= Duration::from_secs(3), "the other call is not held up");
    let keys: Vec<&str> = calls.iter().map(|call| call.key.as_str()).collect();
    assert_eq!(keys, ["run/call_0_0", "run/call_0_2", "run/call_0_3"]);
    told.sort();
    assert_eq!(told, if reads_events { keys } else { Vec::new() }, "an event has the key to approve");
    assert_eq!(paid.load(Ordering::SeqCst), 0);

    let written = serde_json::to_string(&conversation).unwrap();
    let mut conversation: Conversation = serde_json::from_str(&written).unwrap();
    conversation.approve("run/call_0_0").unwrap();
    conversation.deny("run/call_0_2", "not Bob").unwrap();
    conversation.approve("run/call_0_3").unwrap();
    assert_eq!(agent.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!(paid.load(Ordering::SeqCst), 2, "each was allowed by itself");
    allow_duplicates! {
        assert_snapshot!(conversation.to_string(), @r#"
        user: Pay them.
          > call_0_0 pay {"what":"Ada"}
          > call_0_1 look {"what":"around"}
          > call_0_2 pay {"what":"Bob"}
          > call_0_3 pay {"what":"Ada"}
          < call_0_0 = Ada
          < call_0_1 = around
          < call_0_2 failed: denied: not Bob
          < call_0_3 = Ada
        clerk: Done.
        "#);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_wait_in_runs_that_are_awaited_and_in_those_whose_events_are_read() {
    for (read_only, reads_events) in [(false, false), (false, true), (true, false), (true, true)] {
        check(read_only, reads_events).await;
    }
}

#[test]
fn its_spec_says_that_it_needs_approval_and_is_the_tools_otherwise() {
    let (tool, _) = tool("pay");
    let mut spec = tool.spec().clone();
    assert!(!spec.needs_approval);
    spec.needs_approval = true;
    assert_eq!(*tool.needs_approval().spec(), spec);
}

#[tokio::test(start_paused = true)]
async fn field_78_an_approval_shows_all_of_the_input_on_one_line() {
    let (pay, paid) = tool("pay");
    let input = Json::read("{\n\n\n\"what\": \"Ada\u{202e}\u{200b}\u{9b}1m\\n\"}").unwrap();
    let model = Script::new([Reply::call("pay", input), Reply::text("Done.")]);
    let agent = Agent::builder("clerk", model).tool(pay.needs_approval()).build().unwrap();
    let mut conversation = agent.start("Pay.");
    let End::Waiting(calls) = agent.run(&mut conversation).await.unwrap() else { panic!("it waits") };
    let asked = r#"May "pay" be called with {\n\n\n"what": "Ada\u{202e}\u{200b}\u{9b}1m\n"}?"#;
    assert_eq!(calls[0].question, asked);
    assert_eq!(paid.load(Ordering::SeqCst), 0);
}
