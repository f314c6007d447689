//! Emits the events of a run.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Event, EventKind, Listeners, Version};
use crate::{Call, Conversation, Delta};

/// Gives each event of a run, with its time, to the listeners.
#[derive(Clone, Debug)]
pub(crate) struct Emitter {
    pub(crate) listeners: Listeners,
    pub(crate) began: Instant,
}

/// The conversation and the agent of an event.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) conversation: &'a Arc<str>,
    pub(crate) depth: u32,
    agent: Agent<'a>,
}

/// The name of an agent. Usually it is shared, so that an event needs no copy of it.
#[derive(Clone, Copy)]
enum Agent<'a> {
    Shared(&'a Arc<str>),
    Text(&'a str),
}

impl Emitter {
    /// Whether there are listeners.
    pub(crate) fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    pub(crate) fn emit(&self, origin: Origin<'_>, kind: impl FnOnce() -> EventKind) {
        if self.has_listeners() {
            self.listeners.notify(&self.event(origin, kind()));
        }
    }

    /// Lends a piece of a reply to the listeners, so that no copy is made for the event.
    pub(crate) fn emit_delta(&self, origin: Origin<'_>, delta: Delta) -> Delta {
        let event = self.event(origin, EventKind::Delta(delta));
        self.listeners.notify(&event);
        match event.kind {
            EventKind::Delta(delta) => delta,
            other => unreachable!("the event has the delta from above, not {other:?}"),
        }
    }

    fn event(&self, origin: Origin<'_>, kind: EventKind) -> Event {
        let Origin { conversation, depth, agent } = origin;
        let agent = match agent {
            Agent::Shared(agent) => agent.clone(),
            Agent::Text(agent) => agent.into(),
        };
        let (at, conversation) = (self.began.elapsed(), conversation.clone());
        Event { version: Version::default(), at, conversation, depth, agent, kind }
    }
}

impl<'a> Origin<'a> {
    pub(crate) fn of(call: &'a Call) -> Self {
        let (conversation, agent) = (&call.conversation, Agent::Shared(&call.agent));
        Self { conversation, depth: call.depth, agent }
    }

    /// The origin of an event in a conversation, by an agent.
    pub(crate) fn in_conversation(conversation: &'a Conversation, agent: &'a str) -> Self {
        let shared = conversation.shared_agent();
        let agent = if **shared == *agent { Agent::Shared(shared) } else { Agent::Text(agent) };
        Self { conversation: conversation.shared_id(), depth: conversation.depth(), agent }
    }

    /// The origin of an event in the conversation with this id.
    pub(crate) fn new(conversation: &'a Arc<str>, depth: u32, agent: &'a str) -> Self {
        Self { conversation, depth, agent: Agent::Text(agent) }
    }

    pub(crate) fn agent(&self) -> &'a str {
        match self.agent {
            Agent::Shared(agent) => agent,
            Agent::Text(agent) => agent,
        }
    }
}
