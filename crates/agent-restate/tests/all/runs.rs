//! Runs without errors.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, Context, Conversation, EventKind, Team,
    script::{Reply, Script},
};
use agent_restate::Services;
use agent_tools::{AgentTool, FnTool};
use serde_json::json;
use tokio::sync::Barrier;

use crate::{
    common::{Calls, Input, Stage, alone, call, calls_then_done, start, tool},
    hosts::anywhere::team,
};

/// The team of the example: an orchestrator, a specialist that is asked twice in parallel, and an
/// agent that takes over.
fn bureau() -> Team {
    team().unwrap()
}

fn begin(id: &str) -> Conversation {
    Conversation::start("billing", "What did I pay?").with_id(id)
}

#[tokio::test]
async fn a_run_on_the_engine_is_the_run_in_this_process() {
    let Some(stage) = Stage::open(Services::new(bureau())).await else { return };
    let (mut there, mut here) = (begin("trip"), begin("trip"));
    let end = stage.host.run(&mut there).await.unwrap();
    assert_eq!(end, bureau().run(&mut here).await.unwrap());
    let text = |conversation: &Conversation| serde_json::to_string(conversation).unwrap();
    assert_eq!(text(&there), text(&here));
    assert_eq!(stage.host.history("trip").await.unwrap(), Some(there.clone()));

    // The conversation continues with a new message. A run of a finished conversation only reads
    // it.
    there.say("Thanks.");
    here.say("Thanks.");
    let before = here.clone();
    let end = stage.host.run(&mut there).await.unwrap();
    assert_eq!(end, bureau().run(&mut here).await.unwrap());
    assert_eq!(text(&there), text(&here));
    let mut broken_off = before;
    assert_eq!(stage.host.run(&mut broken_off).await.unwrap(), end);
    assert_eq!(broken_off, here);

    stage.host.forget("trip").await.unwrap();
    assert_eq!(stage.host.history("trip").await.unwrap(), None);
}

#[tokio::test]
async fn calls_and_delegations_of_a_turn_run_in_parallel() {
    // A barrier: no call gets past it alone.
    let barrier = Arc::new(Barrier::new(4));
    let meet = move || {
        let barrier = barrier.clone();
        FnTool::new("meet", "Waits for the others.", move |input: Input| {
            let barrier = barrier.clone();
            async move {
                barrier.wait().await;
                Ok::<_, String>(input.say)
            }
        })
    };
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("clerk", 1) => call("meet", 1)
            .and_call("meet", json!({"say": "2"}))
            .and_call("other", json!({"task": "Meet."}))
            .and_call("other", json!({"task": "Meet, too."})),
        ("other", 1) => call("meet", "them"),
        _ => Reply::text("Met."),
    });
    let clerk = Agent::builder("clerk", model.clone()).tool(meet()).tool(AgentTool::new("other", "Meets."));
    let other = Agent::builder("other", model).tool(meet()).build().unwrap();
    let team = Team::new([clerk.build().unwrap(), other]).unwrap();
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = start("meeting");
    stage.host.run(&mut conversation).await.unwrap();
    let results = conversation.to_string();
    let results: Vec<&str> = results.lines().filter(|line| line.contains(" < ")).collect();
    assert_eq!(
        results,
        ["  < call_0_0 = 1", "  < call_0_1 = 2", "  < call_0_2 = Met.", "  < call_0_3 = Met."]
    );
}

#[tokio::test]
async fn a_run_that_is_submitted_twice_runs_once_and_can_be_read_meanwhile() {
    let (calls, open) = (Calls::default(), Calls::default());
    let team = alone(calls_then_done(call("wait", "hang")), [tool("wait", &calls, &open)]);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let run = stage.host.submit(&start("s"), Some("once")).await.unwrap();
    assert_eq!(stage.host.submit(&start("s"), Some("once")).await.unwrap(), run);
    calls.until(|calls| !calls.is_empty()).await;
    assert_eq!(stage.host.result(&run).await.unwrap(), None);
    let so_far = stage.host.history("s").await.unwrap().unwrap().to_string();
    assert_eq!(so_far, "user: Begin.\n  > call_0_0 wait {\"say\":\"hang\"}\n(call_0_0 open)\n");

    open.note("open".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(ran.end.as_ref().unwrap().text(), "Done.");
    assert_eq!(stage.host.result(&run).await.unwrap(), Some(ran));
    assert_eq!(calls.made(), [("s/call_0_0".to_owned(), 1)].into());
}

#[tokio::test]
async fn fault_100_events_are_reported_when_they_happen_also_the_end_of_a_call_that_delegated() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = events.clone();
    let services = Services::new(bureau()).listen(move |event| {
        let what = match &event.kind {
            EventKind::TurnEnded { .. } => "turn",
            EventKind::CallEnded { .. } => "call",
            EventKind::Delegated { .. } => "delegated",
            EventKind::Ended(_) => "ended",
            _ => return,
        };
        heard.lock().unwrap().push(format!("{} {what}", event.conversation));
    });
    let Some(stage) = Stage::open(services).await else { return };
    stage.host.run(&mut begin("t")).await.unwrap();
    let mut events = std::mem::take(&mut *events.lock().unwrap());
    events.sort();
    let child = |id: &str| ["call", "ended", "turn", "turn"].map(|what| format!("t/{id} {what}"));
    let root = ["call", "call", "call", "delegated", "delegated", "ended", "turn", "turn", "turn"];
    let root = root.map(|what| format!("t {what}"));
    assert_eq!(events, [&root[..], &child("call_0_0"), &child("call_0_1")].concat());
}

#[tokio::test]
async fn any_program_can_talk_to_a_session_over_http() {
    let Some(stage) = Stage::open(Services::new(bureau())).await else { return };
    let say = |body: &'static str| {
        let url = format!("{}/AgentSession/by-hand/say", stage.cluster.ingress());
        async move {
            let request = restate_server::client().post(url).header("content-type", "application/json");
            let response = request.body(body).send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        }
    };
    let (status, text) = say(r#"{"text": "Hello"}"#).await;
    assert_eq!(status, 400);
    assert!(text.contains(r#"the session \"by-hand\" is new: name the \"agent\" to talk to"#), "{text}");
    let (status, text) = say(r#"{"agent": "support", "text": "Hello"}"#).await;
    assert_eq!(status, 200);
    assert!(
        text.starts_with(r#"{"text":"29.50 a month; and please restart the app.","end":{"Answered""#),
        "{text}"
    );
    assert_eq!(say(r#"{"text": "And now?"}"#).await.0, 200);
    assert_eq!(stage.host.history("by-hand").await.unwrap().unwrap().messages().len(), 4);
}

#[tokio::test]
async fn field_47_a_timeout_holds_for_a_sync_function_on_the_engine() {
    let stuck = FnTool::new("stuck", "Returns when nobody waits for it.", |_: Input, context: Context| {
        while !context.cancelled() {
            std::thread::yield_now();
        }
        Ok::<_, String>("late")
    });
    let stuck = stuck.timeout(Duration::from_millis(20));
    let team = alone(calls_then_done(call("stuck", "")), [stuck]);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = start("stuck");
    stage.host.run(&mut conversation).await.unwrap();
    let transcript = conversation.to_string();
    assert!(transcript.contains("< call_0_0 failed: timed out after 20ms"), "{transcript}");
}

#[tokio::test]
async fn field_42_the_last_exchange_is_taken_back_there_or_before_the_next_run() {
    let model = Script::by(|request| Reply::text(format!("Read {}.", request.messages.len())));
    let Some(stage) = Stage::open(Services::new(alone(std::sync::Arc::new(model), []))).await else {
        return;
    };
    let error = stage.host.take_back("t").await.unwrap_err();
    assert!(matches!(error, agent_restate::RestateError::NothingToTakeBack(_)), "{error}");
    let mut conversation = start("t");
    stage.host.run(&mut conversation).await.unwrap();
    conversation.say("Wrong.");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Read 3.");
    let mut here = conversation.clone();
    here.take_back().unwrap();
    assert_eq!(stage.host.take_back("t").await.unwrap(), here);
    assert_eq!(stage.host.history("t").await.unwrap(), Some(here));

    // A client that does not know it yet says something else.
    conversation.take_back().unwrap();
    conversation.say("Wrong, too.");
    stage.host.run(&mut conversation).await.unwrap();
    conversation.take_back().unwrap();
    conversation.say("Right.");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Read 3.");
    assert_eq!(stage.host.history("t").await.unwrap(), Some(conversation));
}
