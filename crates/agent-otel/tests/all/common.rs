//! What the tests share: a backend that says what it sends, and spans as text.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use agent_core::{
    BoxStream, Delta, Llm, LlmError, Request,
    model::Notice,
    script::{Reply, Script},
};
use agent_otel::{Traces, TracesBuilder};
use futures::{StreamExt, stream};
use opentelemetry::{
    KeyValue, Value,
    trace::{SpanId, Status},
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A script whose replies take 100 ms, behind a client that says what it sends.
pub(crate) fn by_agent<const N: usize>(parts: [(&str, Vec<Reply>); N]) -> Client {
    let parts = parts.map(|(agent, replies)| {
        (agent.to_owned(), replies.into_iter().map(|reply| reply.after(ms(100))).collect())
    });
    Client { script: Script::by_agent(parts), before: Vec::new() }
}

/// A client of a server: a script that says what it sends.
#[derive(Clone)]
pub(crate) struct Client {
    script: Script,
    /// Comes before each reply, each after this time.
    before: Vec<(Duration, Notice)>,
}

impl Client {
    /// These notices come before each reply, each after this time.
    pub(crate) fn after(self, before: impl IntoIterator<Item = (Duration, Notice)>) -> Self {
        Self { before: before.into_iter().collect(), ..self }
    }
}

/// The notice that a request is sent.
pub(crate) fn sent() -> Notice {
    let (provider, model) = ("anthropic".into(), "claude-test".into());
    Notice::Sent { provider, model, server: Some("api.test:8443".into()) }
}

impl Llm for Client {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let before = self.before.clone().into_iter().chain([(Duration::ZERO, sent())]);
        let notices = stream::iter(before).then(|(pause, notice)| async move {
            tokio::time::sleep(pause).await;
            Ok(Delta::Notice(notice))
        });
        Box::pin(notices.chain(self.script.stream(request)))
    }
}

/// Traces, and the spans that ended.
pub(crate) struct Recorder {
    pub(crate) traces: Traces,
    pub(crate) provider: SdkTracerProvider,
    exporter: InMemorySpanExporter,
}

impl Recorder {
    pub(crate) fn new(builder: TracesBuilder) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        Self { traces: builder.build(&provider), provider, exporter }
    }

    /// The spans that ended, by when they started.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.provider.force_flush().unwrap();
        let mut spans = self.exporter.get_finished_spans().unwrap();
        // An agent stands before what it does.
        let is_below = |span: &SpanData| !span.name.starts_with("invoke_agent");
        spans.sort_by_key(|span| (span.start_time, place(span), is_below(span)));
        spans
    }

    /// The spans as a tree, with their times in milliseconds, their errors, and these attributes.
    pub(crate) fn tree(&self, attributes: &[&str]) -> String {
        Tree { spans: &self.spans(), attributes, has_times: true }.draw()
    }

    /// The spans as a tree, for runs on a clock that is not paused.
    pub(crate) fn tree_without_times(&self) -> String {
        let attributes = &["agent.end", "agent.call.waits_for_person"];
        Tree { spans: &self.spans(), attributes, has_times: false }.draw()
    }

    /// Asserts that no span is open, and nothing is kept of what was.
    pub(crate) fn assert_nothing_is_open(&self) {
        assert_eq!(format!("{:?}", self.traces), "Traces { open: 0, .. }");
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(Traces::builder())
    }
}

/// Where a span is in its run: the conversation, and the call.
fn place(span: &SpanData) -> (String, String) {
    (attribute(span, "gen_ai.conversation.id"), attribute(span, "gen_ai.tool.call.id"))
}

/// An attribute as text; empty if the span does not have it.
pub(crate) fn attribute(span: &SpanData, name: &str) -> String {
    text_of(&span.attributes, name).unwrap_or_default()
}

fn text_of(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found: Vec<_> = attributes.iter().filter(|attribute| attribute.key.as_str() == name).collect();
    assert!(found.len() < 2, "{name} is there twice");
    found.first().map(|attribute| text(&attribute.value))
}

/// A value as text. All numbers of the tests are short.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::F64(number) => format!("{}", (number * 1e6).round() / 1e6),
        other => other.as_str().into_owned(),
    }
}

struct Tree<'a> {
    spans: &'a [SpanData],
    attributes: &'a [&'a str],
    has_times: bool,
}

impl Tree<'_> {
    fn draw(&self) -> String {
        let ids: Vec<SpanId> = self.spans.iter().map(|span| span.span_context.span_id()).collect();
        let mut lines = String::new();
        for root in self.spans.iter().filter(|span| !ids.contains(&span.parent_span_id)) {
            self.draw_under(root, 0, root.start_time, &mut lines);
        }
        lines
    }

    fn draw_under(&self, span: &SpanData, depth: usize, zero: SystemTime, lines: &mut String) {
        let since = |at: SystemTime| at.duration_since(zero).unwrap().as_millis();
        let (from, to) = (since(span.start_time), since(span.end_time));
        let indent = 2 * depth;
        lines.push_str(&format!("{:indent$}{}", "", span.name));
        lines.extend(self.has_times.then(|| format!(" {from}-{to}")));
        for name in self.attributes {
            let value = text_of(&span.attributes, name);
            let short = name.rsplit_once('.').map_or(*name, |(_, short)| short);
            lines.extend(value.map(|value| format!(" {short}={value}")));
        }
        if let Status::Error { description } = &span.status {
            lines.push_str(&format!(" ERROR {}: {description}", attribute(span, "error.type")));
        }
        lines.push('\n');
        for event in &span.events.events {
            let attributes: Vec<String> =
                event.attributes.iter().map(|one| format!(" {}={}", one.key, text(&one.value))).collect();
            let at = if self.has_times { format!("{} ", since(event.timestamp)) } else { String::new() };
            lines.push_str(&format!("{:indent$}  * {at}{}{}\n", "", event.name, attributes.concat()));
        }
        let id = span.span_context.span_id();
        for child in self.spans.iter().filter(|child| child.parent_span_id == id) {
            assert_eq!(child.span_context.trace_id(), span.span_context.trace_id());
            self.draw_under(child, depth + 1, zero, lines);
        }
    }
}

/// All attributes of a span, a line each.
pub(crate) fn attributes(span: &SpanData) -> String {
    let all: BTreeMap<&str, String> =
        span.attributes.iter().map(|one| (one.key.as_str(), text(&one.value))).collect();
    assert_eq!(all.len(), span.attributes.len(), "an attribute is there twice");
    all.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}
