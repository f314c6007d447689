//! Runs that are one trace, whatever processes carry them out.

use std::time::Duration;

use agent_core::{
    Agent, Conversation, Limits, Team,
    budget::Budget,
    script::{Reply, Script},
};
use agent_otel::Traces;
use agent_restate::Services;
use agent_tools::{AgentTool, FnTool};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::json;

use crate::common::{Calls, Stage, poll_until, rows, start};

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

/// A clerk whose model hangs in one process, and answers in another one.
fn hanging(hangs: bool, asked: &Calls) -> Team {
    let asked = asked.clone();
    let model = Script::by(move |_| {
        asked.note("asked".to_owned());
        Reply::text("Done.").after(if hangs { Duration::from_secs(3_600) } else { Duration::ZERO })
    });
    Team::new([Agent::builder("clerk", model).build().unwrap()]).unwrap()
}

/// What a process does, and the spans that it exports. The provider must outlive them.
fn process(team: Team) -> (Services, InMemorySpanExporter, SdkTracerProvider) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    (Services::new(team).trace(&Traces::new(&provider)), exporter, provider)
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
    let (services, first, _provider) = process(team());
    let Some(mut stage) = Stage::open(services).await else { return };
    let mut conversation = Conversation::start("boss", "Have it paid.").with_id("t");
    let run = stage.host.submit(&conversation, None).await.unwrap();
    let waits = poll_until("a call that waits", async || stage.host.waiting("t").await.unwrap().pop()).await;
    let before = spans(&first, 4).await;
    assert_eq!(names(&before), ["chat", "chat", "execute_tool pay", "invoke_agent clerk"]);

    let (services, second, _provider) = process(team());
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

/// A run whose process ends during its first request is one trace.
async fn check_first_request(limits: Limits) {
    let asked = Calls::default();
    let (services, first, _provider) = process(hanging(true, &asked).with_limits(limits.clone()));
    let Some(mut stage) = Stage::open(services).await else { return };
    let run = stage.host.submit(&start("t"), None).await.unwrap();
    asked.until(|asked| !asked.is_empty()).await;
    // The steps before that one are saved.
    rows(&stage, "SELECT id FROM sys_journal WHERE name = 'ask clerk'").await;
    let (services, second, _provider) = process(hanging(false, &asked).with_limits(limits));
    stage.replace(services).await;
    stage.host.attach(&run).await.unwrap();
    let (before, after) = (spans(&first, 2).await, spans(&second, 2).await);
    for spans in [&before, &after] {
        assert_eq!(names(spans), ["chat", "invoke_agent clerk"]);
    }
    let root = before.iter().find(|span| span.name == "invoke_agent clerk").unwrap();
    let again = after.iter().find(|span| span.name == "invoke_agent clerk").unwrap();
    assert_eq!(again.span_context.trace_id(), root.span_context.trace_id());
    assert_eq!(again.parent_span_id, root.span_context.span_id());
}

#[tokio::test]
async fn a_run_whose_process_ends_during_its_first_request_is_one_trace() {
    check_first_request(Limits::new()).await;
}

#[tokio::test]
async fn a_run_that_a_budget_pays_for_is_one_trace_from_its_first_request_on() {
    check_first_request(Limits::new().budget(Budget::new().output_tokens(1_000_000))).await;
}
