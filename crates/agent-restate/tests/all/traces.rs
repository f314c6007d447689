//! Runs that are one trace, whatever processes carry them out.

use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use agent_otel::Traces;
use agent_restate::Services;
use agent_tools::{AgentTool, FnTool};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::json;

use crate::common::{Stage, poll_until};

/// A boss who lets a clerk pay, which a person must approve.
fn team() -> Team {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => Reply::call("clerk", json!({"task": "Pay."})),
        ("clerk", 1) => Reply::call("pay", json!({})),
        _ => Reply::text("Done."),
    });
    let pay = FnTool::new("pay", "Pays.", |_: ()| async { "paid" }).needs_approval();
    let clerk = Agent::builder("clerk", model.clone()).tool(pay).build().unwrap();
    let boss = Agent::builder("boss", model).tool(AgentTool::new("clerk", "Pays.")).build().unwrap();
    Team::new([boss, clerk]).unwrap()
}

/// What a process does, and the spans that it exports. The provider must outlive them.
fn process() -> (Services, InMemorySpanExporter, SdkTracerProvider) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    (Services::new(team()).trace(&Traces::new(&provider)), exporter, provider)
}

/// The spans that have ended, once there are this many, by when they started.
async fn spans(exporter: &InMemorySpanExporter, count: usize) -> Vec<SpanData> {
    poll_until("the spans", async || {
        let mut spans = exporter.get_finished_spans().unwrap();
        spans.sort_by_key(|span| span.start_time);
        (spans.len() >= count).then_some(spans)
    })
    .await
}

fn names(spans: &[SpanData]) -> Vec<&str> {
    let mut names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_run_that_another_process_continues_is_one_trace_and_nothing_is_in_it_twice() {
    let (services, first, _provider) = process();
    let Some(mut stage) = Stage::open(services).await else { return };
    let mut conversation = Conversation::start("boss", "Have it paid.").with_id("t");
    let run = stage.host.submit(&conversation, None).await.unwrap();
    let waits = poll_until("a call that waits", async || stage.host.waiting("t").await.unwrap().pop()).await;
    let before = spans(&first, 4).await;
    assert_eq!(names(&before), ["chat", "chat", "execute_tool pay", "invoke_agent clerk"]);

    let (services, second, _provider) = process();
    stage.replace(services).await;
    stage.host.approve(&waits.key).await.unwrap();
    conversation = stage.host.attach(&run).await.unwrap().conversation;
    let after = spans(&second, 5).await;
    assert_eq!(
        names(&after),
        ["chat", "chat", "execute_tool pay", "invoke_agent boss", "invoke_agent clerk"]
    );
    // What was open in the first process ends with it.
    let before = spans(&first, 6).await;
    let root = before.iter().find(|span| span.name == "invoke_agent boss").unwrap();
    let trace = root.span_context.trace_id();
    assert!(before.iter().chain(&after).all(|span| span.span_context.trace_id() == trace));
    for agent in after.iter().filter(|span| span.name.starts_with("invoke_agent")) {
        assert_eq!(agent.parent_span_id, root.span_context.span_id(), "{}", agent.name);
        let links: Vec<_> = agent.links.iter().map(|link| link.span_context.span_id()).collect();
        assert_eq!(links, [root.span_context.span_id()], "{}", agent.name);
    }

    // The next run is another trace.
    conversation.say("Sure?");
    stage.host.run(&mut conversation).await.unwrap();
    let all = spans(&second, 7).await;
    let last = all.last().unwrap();
    assert_ne!(last.span_context.trace_id(), trace);
}
