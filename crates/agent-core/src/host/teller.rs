//! Telling of what happens.

use tokio::time::Instant;

use crate::{Call, Conversation, Event, EventKind, event::Listeners};

/// Tells the listeners of a run.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    pub(crate) listeners: Listeners,
    pub(crate) began: Instant,
}

/// Where something happens.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) conversation: &'a str,
    pub(crate) depth: u32,
    pub(crate) agent: &'a str,
}

impl Teller {
    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        !self.listeners.is_empty()
    }

    pub(crate) fn tell(&self, place: Place<'_>, kind: impl FnOnce() -> EventKind) {
        if self.is_heard() {
            let Place { conversation, depth, agent } = place;
            let (at, conversation, agent) = (self.began.elapsed(), conversation.into(), agent.into());
            self.listeners.tell(&Event { at, conversation, depth, agent, kind: kind() });
        }
    }
}

impl<'a> Place<'a> {
    pub(crate) fn of(call: &'a Call) -> Self {
        Self { conversation: &call.conversation, depth: call.depth, agent: &call.agent }
    }

    /// In this conversation, by this agent.
    pub(crate) fn in_conversation(conversation: &'a Conversation, agent: &'a str) -> Self {
        Self { conversation: conversation.id(), depth: conversation.depth(), agent }
    }
}
