//! The span of a call: `execute_tool NAME`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use agent_core::Event;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanBuilder, SpanKind, TraceContextExt},
};

use super::{
    failure::Failure,
    names::own,
    shared::{Shared, between, millis},
};

/// A call runs, or its result waits for a transfer or a delegated conversation. Its span is open.
pub(super) struct Call {
    pub(super) context: Context,
    /// A call that started early may get another id, and attributes can't be replaced. So its span
    /// gets the id at its end.
    pub(super) id: String,
    tool: String,
    agent: Arc<str>,
    started: SystemTime,
    pub(super) is_early: bool,
    /// The model still writes the call, and steps of its plan have started.
    pub(super) is_written: bool,
    /// It has a span above that is counted: it goes on in the background.
    pub(super) is_counted: bool,
}

/// What a call waited for before it started.
#[derive(Clone, Copy)]
pub(super) enum Waited {
    Permit,
    Exclusive,
    Person,
}

impl Waited {
    /// The attribute, and the word in the metric.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Permit => (own::WAIT_PERMIT, "permit"),
            Self::Exclusive => (own::WAIT_EXCLUSIVE, "exclusive"),
            Self::Person => (own::WAIT_PERSON, "person"),
        }
    }
}

impl Call {
    pub(super) fn start(
        shared: &Shared,
        parent: &Context,
        event: &Event,
        (id, tool): (&str, &str),
        at: SystemTime,
    ) -> Self {
        let names = shared.names;
        let attributes = vec![
            KeyValue::new(names.operation_name, "execute_tool"),
            KeyValue::new(names.tool_name, tool.to_owned()),
            KeyValue::new(names.tool_type, "function"),
            KeyValue::new(names.agent_name, event.agent.clone()),
            KeyValue::new(names.conversation_id, event.conversation.clone()),
        ];
        let span = SpanBuilder::from_name(format!("execute_tool {tool}"))
            .with_kind(SpanKind::Internal)
            .with_start_time(at)
            .with_attributes(attributes);
        Self {
            context: shared.start(span, parent),
            id: id.to_owned(),
            tool: tool.to_owned(),
            agent: event.agent.clone(),
            started: at,
            is_early: false,
            is_written: false,
            is_counted: false,
        }
    }

    pub(super) fn agent(&self) -> &Arc<str> {
        &self.agent
    }

    pub(super) fn started(&self) -> SystemTime {
        self.started
    }

    pub(super) fn set(&self, attribute: KeyValue) {
        self.context.span().set_attribute(attribute);
    }

    /// The call waited before it started.
    pub(super) fn waited(&self, shared: &Shared, what: Waited, duration: Duration) {
        let (attribute, word) = what.names();
        self.set(KeyValue::new(attribute, millis(duration)));
        if let Some(metrics) = &shared.metrics {
            metrics.wait(word, duration, &KeyValue::new(shared.names.agent_name, self.agent.clone()));
        }
    }

    /// The call leads to another agent.
    pub(super) fn leads_to(&self, shared: &Shared, mode: &'static str, agent: &str) {
        let names = shared.names;
        if shared.transfers {
            self.context.span().set_attributes([
                KeyValue::new(names.transfer_mode, mode),
                KeyValue::new(names.transfer_target_name, agent.to_owned()),
                KeyValue::new(names.transfer_target_type, "agent"),
            ]);
        }
    }

    /// Ends the span, with what the model reads as the result.
    pub(super) fn end(
        self,
        shared: &Shared,
        at: SystemTime,
        result: Option<&str>,
        failure: Option<&Failure>,
    ) {
        let (names, span) = (shared.names, self.context.span());
        span.set_attribute(KeyValue::new(names.tool_call_id, self.id));
        if let Some(result) = result.filter(|_| shared.content) {
            span.set_attribute(KeyValue::new(names.tool_call_result, result.to_owned()));
        }
        if let Some(failure) = failure {
            failure.mark(&span, names);
        }
        span.end_with_timestamp(at);
        if let Some(metrics) = shared.metrics.as_ref().filter(|_| !self.is_counted) {
            let mut attributes = vec![
                KeyValue::new(names.tool_name, self.tool),
                KeyValue::new(names.tool_type, "function"),
                KeyValue::new(names.agent_name, self.agent),
            ];
            attributes.extend(failure.map(|failure| failure.attribute(names)));
            metrics.tool(between(self.started, at), &attributes);
        }
    }
}
