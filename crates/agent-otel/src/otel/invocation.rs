//! The span of an agent's work: `invoke_agent NAME`.

use std::{sync::Arc, time::SystemTime};

use agent_core::{Event, Usage};
use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanBuilder, SpanContext, SpanKind, TraceContextExt},
};

use super::{
    failure::Failure,
    metrics::dollars,
    names::own,
    shared::{Shared, between, count},
};

/// An agent works in a conversation. Its span is open.
pub(super) struct Invocation {
    pub(super) agent: Arc<str>,
    /// Holds the span.
    pub(super) context: Context,
    /// Whether the span is that of another process, which drives the conversation.
    pub(super) is_elsewhere: bool,
    /// Whether the span is that of a call, whose conversation has no agent of its own.
    pub(super) is_part: bool,
    started: SystemTime,
    /// What the agent itself did.
    pub(super) requests: u64,
    pub(super) calls: u64,
    pub(super) usage: Usage,
    pub(super) provider: Option<KeyValue>,
}

impl Invocation {
    /// Starts the span for the agent and the conversation of `event`.
    pub(super) fn start(
        shared: &Shared,
        parent: &Context,
        link: Option<&SpanContext>,
        event: &Event,
        at: SystemTime,
    ) -> Self {
        let names = shared.names;
        let attributes = [
            KeyValue::new(names.operation_name, "invoke_agent"),
            KeyValue::new(names.agent_name, event.agent.clone()),
            KeyValue::new(names.conversation_id, event.conversation.clone()),
        ];
        let links = link.map(|link| Link::with_context(link.clone())).into_iter().collect();
        let span = SpanBuilder::from_name(format!("invoke_agent {}", event.agent))
            .with_kind(SpanKind::Internal)
            .with_start_time(at)
            .with_attributes(attributes)
            .with_links(links);
        Self::with(shared.start(span, parent), event, at, false)
    }

    /// The work of an agent whose conversation another process drives. `parent` is a span there.
    pub(super) fn elsewhere(parent: &SpanContext, event: &Event, at: SystemTime) -> Self {
        Self::with(Context::new().with_remote_span_context(parent.clone()), event, at, true)
    }

    /// The steps of a plan, or a call in the background. They are in a conversation of their own, but no
    /// agent is invoked: all of it is the call's, whose span is in `context`.
    pub(super) fn part_of_call(context: Context, event: &Event, at: SystemTime) -> Self {
        Self { is_part: true, ..Self::with(context, event, at, false) }
    }

    fn with(context: Context, event: &Event, at: SystemTime, is_elsewhere: bool) -> Self {
        Self {
            agent: event.agent.clone(),
            context,
            is_elsewhere,
            is_part: false,
            started: at,
            requests: 0,
            calls: 0,
            usage: Usage::default(),
            provider: None,
        }
    }

    pub(super) fn add_event(&self, name: &'static str, at: SystemTime, attributes: Vec<KeyValue>) {
        self.context.span().add_event_with_timestamp(name, at, attributes);
    }

    /// Ends the span. `end` is the word for how the conversation ended.
    pub(super) fn end(
        self,
        shared: &Shared,
        at: SystemTime,
        end: Option<&'static str>,
        failure: Option<&Failure>,
    ) {
        if self.is_elsewhere || self.is_part {
            return;
        }
        let (names, span) = (shared.names, self.context.span());
        if self.requests > 0 {
            span.set_attribute(KeyValue::new(names.input_tokens, count(self.usage.all_input_tokens())));
            span.set_attribute(KeyValue::new(names.output_tokens, count(self.usage.output_tokens)));
            if self.usage.cost.micros() > 0 {
                span.set_attribute(KeyValue::new(own::COST, dollars(&self.usage)));
            }
        }
        if names.agent_has_provider {
            let (read, written) =
                (self.usage.cache_read_input_tokens, self.usage.cache_creation_input_tokens);
            let cached = [(names.cache_read_tokens, read), (names.cache_write_tokens, written)];
            let cached = cached.into_iter().filter(|(_, tokens)| *tokens > 0);
            span.set_attributes(cached.map(|(name, tokens)| KeyValue::new(name, count(tokens))));
            span.set_attributes(self.provider);
        }
        span.set_attributes(end.map(|end| KeyValue::new(own::END, end)));
        if let Some(failure) = failure {
            failure.mark(&span, names);
        }
        span.end_with_timestamp(at);
        if let Some(metrics) = &shared.metrics {
            let agent = KeyValue::new(names.agent_name, self.agent.clone());
            let error = failure.map(|failure| failure.attribute(names));
            let calls = [self.requests, self.calls];
            metrics.agent(between(self.started, at), calls, &agent, error.as_ref());
        }
    }
}
