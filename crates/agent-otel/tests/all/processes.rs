//! One trace in several processes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, Conversation, Event, EventKind, Team,
    event::{RunTracer, TraceParents},
    script::Reply,
};
use agent_otel::Traces;
use opentelemetry::trace::TraceContextExt;

use crate::common::{Recorder, attribute, by_agent};

fn team() -> Team {
    let model = by_agent([("main", vec![Reply::text("Hi.")])]);
    Team::new([Agent::builder("main", model).build().unwrap()]).unwrap()
}

async fn run(listener: impl Fn(&agent_core::Event) + Send + Sync + 'static) {
    let mut conversation = Conversation::start("main", "Hi.").with_id("c1");
    team().run(&mut conversation).listen(listener).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_later_process_continues_the_trace() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = kept.clone();
    let first = Recorder::new(Traces::builder().on_root(move |conversation, trace_parent| {
        keep.lock().unwrap().push((conversation.to_owned(), trace_parent.to_owned()));
    }));
    let traces = first.traces.clone();
    let during = Arc::new(Mutex::new(None));
    let (listener, seen) = (first.traces.listener(), during.clone());
    run(move |event| {
        listener(event);
        let mut seen = seen.lock().unwrap();
        *seen = seen.take().or_else(|| traces.trace_parent("c1"));
    })
    .await;
    let (conversation, trace_parent) = kept.lock().unwrap().pop().unwrap();
    assert_eq!(conversation, "c1");
    assert_eq!(during.lock().unwrap().take().as_deref(), Some(trace_parent.as_str()));
    assert_eq!(first.traces.trace_parent("c1"), None, "it ended");

    let second = Recorder::default();
    run(second.traces.under_trace_parent(&trace_parent).unwrap()).await;
    let (old, new) = (&first.spans()[0], &second.spans()[0]);
    assert_eq!(old.name, "invoke_agent main");
    assert_eq!(new.span_context.trace_id(), old.span_context.trace_id());
    assert_eq!(new.parent_span_id, old.span_context.span_id());
    assert!(new.parent_span_is_remote);
    let links: Vec<_> = new.links.iter().map(|link| link.span_context.span_id()).collect();
    assert_eq!(links, [old.span_context.span_id()]);
}

#[test]
fn a_text_that_is_no_trace_parent_is_refused() {
    let recorder = Recorder::default();
    let error = recorder.traces.under_trace_parent("yesterday").err().unwrap();
    assert!(error.to_string().starts_with("\"yesterday\" is not a W3C traceparent: "), "{error}");
    assert!(!opentelemetry::Context::new().has_active_span());
}

#[tokio::test(start_paused = true)]
async fn each_session_of_a_process_continues_its_own_trace() {
    let text = |trace: &str| format!("00-{}-00f067aa0ba902b7-01", trace.repeat(16));
    let recorder =
        Recorder::new(Traces::builder().parent_of(
            move |conversation| match conversation.split('/').next() {
                Some("a") => Some(text("0a")),
                Some("b") => Some(text("0b")),
                Some("broken") => Some("yesterday".to_owned()),
                _ => None,
            },
        ));
    let listener = recorder.traces.listener();
    let start = |conversation: &str, depth| {
        let kind = EventKind::TurnStarted { messages: Vec::new() };
        listener(&Event::new(Duration::ZERO, conversation, depth, "main", kind));
    };
    // Also a delegated conversation whose session runs in another process, and one of a session here.
    ["a", "b/call_1", "broken", "new"].into_iter().for_each(|id| start(id, id.contains('/').into()));
    start("a/call_1", 1);
    drop(listener);
    let (spans, mut shown) = (recorder.spans(), Vec::new());
    for span in spans.iter().filter(|span| span.name == "invoke_agent main") {
        let id = attribute(span, "gen_ai.conversation.id");
        let trace = span.span_context.trace_id().to_string();
        let trace = if id == "broken" || id == "new" { "its own" } else { &trace[..4] };
        let events: Vec<_> = span.events.iter().map(|event| event.name.as_ref()).collect();
        let remote = span.parent_span_is_remote;
        shown.push(format!("{id}: {trace}, remote {remote}, {} links {events:?}", span.links.len()));
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    a: 0a0a, remote true, 1 links []
    a/call_1: 0a0a, remote false, 0 links []
    b/call_1: 0b0b, remote true, 1 links []
    broken: its own, remote false, 0 links ["agent.invalid_trace_parent"]
    new: its own, remote false, 0 links []
    "#);
}

/// A host that knows a trace, and drives only some conversations.
struct Known(String);

impl TraceParents for Known {
    fn find(&self, _: &str) -> Option<String> {
        Some(self.0.clone())
    }

    fn keep(&self, conversation: &str, _: &str) {
        panic!("the trace of {conversation} is known")
    }

    fn drives(&self, conversation: &str) -> bool {
        conversation != "elsewhere"
    }
}

#[test]
fn a_process_that_only_makes_calls_has_spans_for_calls_only() {
    let recorder = Recorder::default();
    let text = format!("00-{}-00f067aa0ba902b7-01", "0a".repeat(16));
    let listener = recorder.traces.trace(Arc::new(Known(text)));
    let tell = |ms: u64, conversation: &str, depth, kind| {
        listener(&Event::new(Duration::from_millis(ms), conversation, depth, "main", kind));
    };
    let (id, tool) = (|| "call_1".into(), || "look".into());
    let input = || serde_json::json!({}).into();
    let started = || EventKind::CallStarted { id: id(), tool: tool(), input: input() };
    let ended = || EventKind::CallEnded { id: id(), tool: tool(), is_error: false, result: "".into() };
    tell(0, "elsewhere", 0, started());
    tell(9, "elsewhere", 0, ended());
    recorder.assert_nothing_is_open();
    // A call that delegates ends elsewhere.
    tell(10, "elsewhere", 0, started());
    let (to, conversation) = ("clerk".into(), "elsewhere/call_1".into());
    tell(12, "elsewhere", 0, EventKind::Delegated { id: id(), to, conversation });
    recorder.assert_nothing_is_open();
    insta::assert_snapshot!(recorder.tree(&["gen_ai.conversation.id"]), @r#"
    execute_tool look 0-9 id=elsewhere
    execute_tool look 0-2 id=elsewhere
    "#);
    let spans = recorder.spans();
    assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == "0a".repeat(16)));
    assert!(spans.iter().all(|span| span.parent_span_id.to_string() == "00f067aa0ba902b7"));

    // A conversation that this process drives has a span, also if a call began first.
    tell(20, "here", 0, started());
    tell(21, "here", 0, EventKind::TurnStarted { messages: Vec::new() });
    assert_eq!(format!("{:?}", recorder.traces), "Traces { open: 2, .. }");
}
