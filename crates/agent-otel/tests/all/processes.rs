//! One trace in several processes.

use std::sync::{Arc, Mutex};

use agent_core::{Agent, Conversation, Team, script::Reply};
use agent_otel::Traces;
use opentelemetry::trace::TraceContextExt;

use crate::common::{Recorder, by_agent};

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
