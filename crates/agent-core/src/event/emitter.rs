//! Emits the events of a run.

use tokio::time::Instant;

use super::{Event, EventKind, Listeners};
use crate::{Call, Conversation};

/// Gives each event of a run, with its time, to the listeners.
#[derive(Clone, Debug)]
pub(crate) struct Emitter {
    pub(crate) listeners: Listeners,
    pub(crate) began: Instant,
}

/// The conversation and the agent of an event.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) conversation: &'a str,
    pub(crate) depth: u32,
    pub(crate) agent: &'a str,
}

impl Emitter {
    /// Whether there are listeners.
    pub(crate) fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    pub(crate) fn emit(&self, origin: Origin<'_>, kind: impl FnOnce() -> EventKind) {
        if self.has_listeners() {
            let Origin { conversation, depth, agent } = origin;
            let event = Event::new(self.began.elapsed(), conversation, depth, agent, kind());
            self.listeners.notify(&event);
        }
    }
}

impl<'a> Origin<'a> {
    pub(crate) fn of(call: &'a Call) -> Self {
        Self { conversation: &call.conversation, depth: call.depth, agent: &call.agent }
    }

    /// The origin of an event in a conversation, by an agent.
    pub(crate) fn in_conversation(conversation: &'a Conversation, agent: &'a str) -> Self {
        Self { conversation: conversation.id(), depth: conversation.depth(), agent }
    }
}
