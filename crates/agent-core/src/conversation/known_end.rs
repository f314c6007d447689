//! How the last run of a conversation ended, for programs without its agents.

use super::{Conversation, next::Next, rules::Rules};
use crate::{End, Limits, ToolSpec};

impl Conversation {
    /// Why it is the user's turn, as far as that is known without the agents. `None` if the agents
    /// still have work to do: a run is in progress, has failed or was stopped. It is for lists of
    /// conversations, in programs that have no team. A run returns its [`End`] itself.
    pub fn known_end(&self) -> Option<End> {
        match self.next(&NoAgents(Limits::default())) {
            Next::User(end) => Some(end),
            Next::Model | Next::Tools(..) => None,
        }
    }
}

/// Rules for when the agents are not known: they forbid nothing.
struct NoAgents(Limits);

impl Rules for NoAgents {
    fn spec(&self, _: &str, _: &str) -> Option<&ToolSpec> {
        None
    }

    fn turns(&self, _: &str) -> u32 {
        u32::MAX
    }

    fn limits(&self) -> &Limits {
        &self.0
    }

    fn agents(&self) -> Vec<&str> {
        Vec::new()
    }
}
