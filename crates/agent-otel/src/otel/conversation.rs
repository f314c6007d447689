//! A conversation whose spans are open.

use std::{collections::HashMap, time::SystemTime};

use agent_core::{Event, SharedText, event::QueueReason};
use opentelemetry::{Context, trace::SpanContext};

use super::{call::Call, failure::Failure, invocation::Invocation, shared::Shared, turn::Turn};

/// A conversation whose spans are open.
///
/// It has a span for the agent with which it began. An agent to which it was transferred has a span
/// of its own under that one, as long as it has the conversation.
pub(super) struct Conversation {
    own: Invocation,
    taken_over: Option<Invocation>,
    pub(super) turn: Option<Turn>,
    /// Whether the last turn ended without calls.
    pub(super) has_answered: bool,
    /// Why the last turn failed.
    pub(super) failed: Option<Failure>,
    pub(super) calls: HashMap<SharedText, Call>,
    /// The results of calls since the last turn, by the ids of the calls, if spans have content.
    pub(super) results: Vec<(SharedText, SharedText)>,
    /// Calls that wait for other calls, since when.
    pub(super) queued: HashMap<SharedText, (QueueReason, SystemTime)>,
    /// When the last event came.
    pub(super) last: SystemTime,
}

impl Conversation {
    pub(super) fn start(
        shared: &Shared,
        parent: &Context,
        link: Option<&SpanContext>,
        event: &Event,
        at: SystemTime,
    ) -> Self {
        Self::with(shared, Invocation::start(shared, parent, link, event, at), event, at)
    }

    /// A conversation that another process drives, and of which this one makes calls. `parent` is a
    /// span there.
    pub(super) fn elsewhere(shared: &Shared, parent: &SpanContext, event: &Event, at: SystemTime) -> Self {
        Self::with(shared, Invocation::elsewhere(parent, event, at), event, at)
    }

    /// A conversation that is all of a call, whose span is in `context`: a plan, or a call in the
    /// background.
    pub(super) fn part_of_call(shared: &Shared, context: &Context, event: &Event, at: SystemTime) -> Self {
        Self::with(shared, Invocation::part_of_call(context.clone(), event, at), event, at)
    }

    fn with(shared: &Shared, own: Invocation, event: &Event, at: SystemTime) -> Self {
        shared.open.add(event.conversation.to_string(), &own.context);
        Self {
            own,
            taken_over: None,
            turn: None,
            has_answered: false,
            failed: None,
            calls: HashMap::new(),
            results: Vec::new(),
            queued: HashMap::new(),
            last: at,
        }
    }

    /// Whether another process drives it.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.own.is_elsewhere
    }

    /// How many calls its agent made for the one that it is all of; 0 if it has a span of its own.
    pub(super) fn calls_of_part(&self) -> u64 {
        if self.own.is_part { self.own.calls } else { 0 }
    }

    /// Whether this is the call that the conversation is all of, which is made in the background.
    pub(super) fn is_whole(&self, conversation: &str, call: &str) -> bool {
        self.own.is_part && conversation.rsplit_once('/').is_some_and(|(_, whole)| whole == call)
    }

    /// The agent with which it began.
    pub(super) fn agent(&self) -> &str {
        &self.own.agent
    }

    /// The span of the conversation.
    pub(super) fn context(&self) -> &Context {
        &self.own.context
    }

    /// The work of an agent that has this conversation, or had it last.
    pub(super) fn invocation(&mut self, agent: &str) -> &mut Invocation {
        match &mut self.taken_over {
            Some(other) if *other.agent == *agent => other,
            _ => &mut self.own,
        }
    }

    /// The agent of `event` speaks next. If it is another one than before, it has taken over.
    pub(super) fn let_speak(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        if self.taken_over.as_ref().is_some_and(|other| other.agent == event.agent) {
            return;
        }
        self.end_takeover(shared, at, None);
        if event.agent != self.own.agent {
            self.taken_over = Some(Invocation::start(shared, &self.own.context, None, event, at));
        }
    }

    /// The agent that took over does not have the conversation any more.
    pub(super) fn end_takeover(&mut self, shared: &Shared, at: SystemTime, failure: Option<Failure>) {
        if let Some(other) = self.taken_over.take() {
            other.end(shared, at, None, failure.as_ref());
        }
    }

    /// Whether nothing can follow after a failed turn: no transfer is open, from which another
    /// agent could go on.
    pub(super) fn is_over_after_failure(&self) -> bool {
        self.calls.is_empty() && self.taken_over.is_none()
    }

    /// Ends all spans. The calls have been taken out before.
    pub(super) fn end(
        mut self,
        shared: &Shared,
        id: &str,
        at: SystemTime,
        end: Option<&'static str>,
        failure: Option<Failure>,
    ) {
        if let Some(turn) = self.turn.take() {
            let lost = failure.clone().unwrap_or_else(|| Failure::new("lost", "the turn has no end"));
            let speaker = self.invocation(&turn.agent().clone());
            turn.end(shared, &speaker.context, Err(&lost), &Default::default(), at);
        }
        if let Some(other) = self.taken_over.take() {
            other.end(shared, at, end, failure.as_ref());
        }
        if !self.own.is_part {
            shared.open.remove(id, &self.own.context);
        }
        self.own.end(shared, at, end, failure.as_ref());
    }
}
