//! Listeners that hear more than one run.

use std::time::{Duration, SystemTime};

use agent_core::{
    Agent, Conversation, Event, EventKind, SharedText, Team,
    host::{LocalHost, drive},
    script::Reply,
};
use agent_otel::Traces;

use crate::common::{Recorder, by_agent, ms};

fn turn_started(at: Duration, conversation: &str, depth: u32) -> Event {
    Event::new(at, conversation, depth, "main", EventKind::TurnStarted { messages: Vec::new() })
}

#[tokio::test(start_paused = true)]
async fn a_host_that_runs_again_later_has_spans_with_the_right_times() {
    let recorder = Recorder::default();
    let model = by_agent([("main", vec![Reply::text("Hi."), Reply::text("Hi again.")])]);
    let team = Team::new([Agent::builder("main", model).build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Hi.");
    let host = LocalHost::new(team).listen(recorder.traces.listener());
    host.drive_by(&mut conversation, &host).await.unwrap();
    recorder.assert_nothing_is_open();
    // The clock of events and the wall clock drift apart.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    conversation.say("And?");
    host.begin_run();
    host.drive_by(&mut conversation, &host).await.unwrap();
    insta::assert_snapshot!(recorder.tree(&[]), @r#"
    invoke_agent main 0-100
      chat claude-test 0-100
    invoke_agent main 0-100
      chat claude-test 0-100
    "#);
    let soon = SystemTime::now() + Duration::from_secs(1_000);
    assert!(recorder.spans().iter().all(|span| span.end_time < soon));
}

#[tokio::test(start_paused = true)]
async fn the_loop_alone_does_not_tell_its_end() {
    let recorder = Recorder::default();
    let model = by_agent([("main", vec![Reply::text("Hi.")])]);
    let team = Team::new([Agent::builder("main", model).build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Hi.");
    let host = LocalHost::new(team).listen(recorder.traces.listener());
    drive(&mut conversation, &host).await.unwrap();
    drop(host);
    recorder.assert_nothing_is_open();
    insta::assert_snapshot!(recorder.tree(&["agent.end"]), @r#"
    invoke_agent main 0-100 end=unknown
      chat claude-test 0-100
    "#);
}

#[test]
fn a_conversation_of_which_nothing_is_heard_ends_and_is_forgotten() {
    let recorder = Recorder::new(Traces::builder().idle_limit(Duration::from_secs(60)));
    let listener = recorder.traces.listener();
    let second = Duration::from_secs;
    listener(&turn_started(second(0), "gone", 0));
    listener(&turn_started(second(1), "gone/a", 1));
    listener(&turn_started(second(2), "busy", 0));
    listener(&turn_started(second(50), "busy/a", 1));
    assert_eq!(format!("{:?}", recorder.traces), "Traces { open: 4, .. }");
    listener(&turn_started(second(70), "new", 0));
    assert_eq!(format!("{:?}", recorder.traces), "Traces { open: 3, .. }");
    let ended: Vec<_> = recorder.spans().into_iter().map(|span| (span.name, span.end_time)).collect();
    assert_eq!(ended.len(), 4, "two agents and their turns: {ended:?}");
    drop(listener);
    recorder.assert_nothing_is_open();
    assert!(recorder.tree(&["gen_ai.conversation.id", "agent.end"]).contains("id=gone end=unknown\n"));
}

/// Whatever comes, in whatever order, must not panic, nor leave anything open.
#[test]
fn events_without_their_beginning_are_survived() {
    let recorder = Recorder::new(Traces::builder().content(true));
    let listener = recorder.traces.listener();
    let (id, tool): (SharedText, SharedText) = ("a".into(), "look".into());
    let kinds = [
        EventKind::CallEnded { id: id.clone(), tool: tool.clone(), is_error: true, result: "".into() },
        EventKind::CallQueued { id: id.clone(), tool: tool.clone(), why: Default::default() },
        EventKind::CallWaiting { id: id.clone(), key: "".into(), question: "".into() },
        EventKind::IdReplaced { tool: tool.clone(), was: id.clone(), id: "b".into() },
        EventKind::Transferred { from: "other".into() },
        EventKind::CameBack { from: "other".into(), why: "".into() },
        EventKind::Delta(agent_core::Delta::words(3, "words")),
        EventKind::CallStarted { id: id.clone(), tool, input: serde_json::json!({}).into() },
        EventKind::TransferAsked { id, to: "other".into() },
        EventKind::Ended(agent_core::End::TurnLimit(3)),
    ];
    for conversation in ["run", "run/a", "", "/"] {
        for (at, kind) in kinds.iter().enumerate() {
            // Also backwards in time.
            listener(&Event::new(ms(1_000 - at as u64), conversation, 1, "main", kind.clone()));
        }
    }
    drop(listener);
    recorder.assert_nothing_is_open();
    assert!(recorder.spans().iter().any(|span| span.name == "execute_tool look"));
}
