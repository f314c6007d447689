//! Runs on a journal that are killed and continued.

use agent_core::{
    Agent, Conversation, End, EventKind, Team,
    script::{Reply, Script},
};
use agent_journal::Journal;
use agent_tools::{AgentTool, FnTool};
use serde_json::json;

use crate::common::{Recorder, attribute};

/// `main` asks `helper`, which makes two calls. One of them never ends where it `hangs`. The
/// replies depend on the history only, so a restart changes nothing.
fn team(hangs: bool) -> Team {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("main", 1) => Reply::call("helper", json!({"task": "Help."})),
        ("helper", 1) => Reply::call("fast", json!({})).and_call("slow", json!({})),
        _ => Reply::text("Done."),
    });
    let tool = |name: &'static str, hangs: bool| {
        let work = move |_: ()| async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            "done"
        };
        FnTool::new(name, "Works.", work).idempotent()
    };
    let main = Agent::builder("main", model.clone()).tool(AgentTool::new("helper", "Helps."));
    let helper = Agent::builder("helper", model).tool(tool("fast", false)).tool(tool("slow", hangs));
    Team::new([main.build().unwrap(), helper.build().unwrap()]).unwrap()
}

#[tokio::test]
async fn fault_99_after_a_crash_only_what_is_done_again_has_spans_in_the_same_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.journal");
    let first = Recorder::default();
    let mut conversation = Conversation::start("main", "Go.").with_id("s1");
    let journal = Journal::open(&path).unwrap();
    let host = journal.host(team(true), &mut conversation).await.unwrap().trace(&first.traces);
    let mut run = host.run(&mut conversation);
    while let Some(event) = run.next().await {
        if matches!(event.kind, EventKind::CallEnded { tool, .. } if tool == "fast") {
            break;
        }
    }
    // It is killed.
    drop(run);
    drop((host, journal));
    tokio::task::yield_now().await;
    first.assert_nothing_is_open();
    insta::assert_snapshot!(first.tree_without_times(), @r#"
    invoke_agent main ERROR dropped: the run has no end
      chat
      execute_tool helper ERROR dropped: the run has no end
        invoke_agent helper ERROR dropped: the run has no end
          chat
          execute_tool fast
          execute_tool slow ERROR dropped: the run has no end
    "#);

    let second = Recorder::default();
    let journal = Journal::open(&path).unwrap();
    let mut conversation = journal.conversation("s1").unwrap();
    let host = journal.host(team(false), &mut conversation).await.unwrap().trace(&second.traces);
    assert_eq!(host.run(&mut conversation).await.unwrap(), End::Answered("Done.".to_owned()));
    second.assert_nothing_is_open();
    insta::assert_snapshot!(second.tree_without_times(), @r#"
    invoke_agent helper end=answered
      execute_tool slow
      chat
    invoke_agent main end=answered
      chat
    "#);

    let root = first.spans()[0].span_context.clone();
    let spans = second.spans();
    assert!(spans.iter().all(|span| span.span_context.trace_id() == root.trace_id()));
    let linked: Vec<_> = spans.iter().filter(|span| span.links.len() == 1).collect();
    let names: Vec<_> = linked.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["invoke_agent helper", "invoke_agent main"]);
    assert!(linked.iter().all(|span| span.parent_span_id == root.span_id()));

    // The next run is another trace, also with another host.
    conversation.say("And?");
    host.run(&mut conversation).await.unwrap();
    drop((host, journal));
    let journal = Journal::open(&path).unwrap();
    conversation.say("And now?");
    let host = journal.host(team(false), &mut conversation).await.unwrap().trace(&second.traces);
    host.run(&mut conversation).await.unwrap();
    let traces: Vec<_> = second.spans().iter().map(|span| span.span_context.trace_id()).collect();
    let count = |trace| traces.iter().filter(|other| **other == trace).count();
    assert_eq!(traces.iter().map(|trace| count(*trace)).collect::<Vec<_>>(), [5, 5, 5, 5, 5, 2, 2, 2, 2]);
}

#[tokio::test]
async fn a_run_that_waits_for_a_person_is_one_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.journal");
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("pay", json!({})),
        _ => Reply::text("Paid."),
    });
    let pay = || FnTool::new("pay", "Pays.", |_: ()| async { "paid" }).needs_approval();
    let team = || Team::new([Agent::builder("main", model.clone()).tool(pay()).build().unwrap()]).unwrap();
    let recorder = Recorder::default();
    let mut conversation = Conversation::start("main", "Pay.").with_id("s1");
    for is_first in [true, false] {
        let journal = Journal::open(&path).unwrap();
        let host = journal.host(team(), &mut conversation).await.unwrap().trace(&recorder.traces);
        host.run(&mut conversation).await.unwrap();
        if is_first {
            journal.approve("s1/call_0_0").await.unwrap();
        }
    }
    insta::assert_snapshot!(recorder.tree_without_times(), @r#"
    invoke_agent main end=waiting
      chat
      execute_tool pay waits_for_person=true
        * agent.wait.person
      invoke_agent main end=answered
        execute_tool pay
        chat
    "#);
}

#[tokio::test]
async fn a_call_that_asks_a_person_has_two_spans() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path().join("runs.journal")).unwrap();
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("pay", json!({})),
        _ => Reply::text("Paid."),
    });
    let pay = FnTool::new("pay", "Pays.", |_: ()| async { "paid" }).needs_approval();
    let team = Team::new([Agent::builder("main", model).tool(pay).build().unwrap()]).unwrap();
    let recorder = Recorder::default();
    let mut conversation = Conversation::start("main", "Pay.").with_id("s1");
    let host = journal.host(team, &mut conversation).await.unwrap().listen(recorder.traces.listener());
    let End::Waiting(calls) = host.run(&mut conversation).await.unwrap() else { panic!("it waits") };
    journal.approve(&calls[0].key).await.unwrap();
    host.decided(&conversation).await.unwrap();
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Paid.");
    drop(host);
    recorder.assert_nothing_is_open();
    insta::assert_snapshot!(recorder.tree_without_times(), @r#"
    invoke_agent main end=waiting
      chat
      execute_tool pay waits_for_person=true
        * agent.wait.person
    invoke_agent main end=answered
      execute_tool pay
      chat
    "#);
    let waited: Vec<_> =
        recorder.spans().iter().map(|span| attribute(span, "agent.wait.person_ms")).collect();
    let waited: Vec<f64> = waited.iter().filter_map(|waited| waited.parse().ok()).collect();
    assert!(waited.len() == 1 && waited[0] > 0.0, "{waited:?}");
}
