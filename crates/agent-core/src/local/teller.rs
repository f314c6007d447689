//! Telling of what happens.

use tokio::time::Instant;

use crate::{Call, Conversation, Event, EventKind, event::Listeners};

/// Tells the listeners of a run.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    pub(super) listeners: Listeners,
    pub(super) began: Instant,
}

/// Where something happens.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) conversation: &'a str,
    pub(super) depth: u32,
    pub(super) agent: &'a str,
}

impl Teller {
    pub(super) fn tell(&self, place: Place<'_>, kind: impl FnOnce() -> EventKind) {
        if !self.listeners.is_empty() {
            let Place { conversation, depth, agent } = place;
            let (at, conversation, agent) = (self.began.elapsed(), conversation.into(), agent.into());
            self.listeners.tell(&Event { at, conversation, depth, agent, kind: kind() });
        }
    }
}

impl<'a> Place<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        Self { conversation: &call.conversation, depth: call.depth, agent: &call.agent }
    }

    /// In this conversation, by this agent.
    pub(super) fn in_conversation(conversation: &'a Conversation, agent: &'a str) -> Self {
        Self { conversation: conversation.id(), depth: conversation.depth(), agent }
    }
}
