//! The usage of a conversation.

use super::{Conversation, Slot, State};
use crate::{Usage, UsageByAgent};

impl Conversation {
    /// The tokens that all models have used so far, including delegated conversations.
    pub fn usage(&self) -> Usage {
        self.usage_by_agent().total()
    }

    /// The tokens that each agent's model has used so far, including delegated conversations. For
    /// the usage of each turn, see [`EventKind::TurnEnded`](crate::EventKind::TurnEnded).
    pub fn usage_by_agent(&self) -> UsageByAgent {
        let mut usage = self.usage.clone();
        usage += &usage_of_children(self.all_slots());
        usage
    }

    /// The usage of open delegations of the last reply, which is not yet in `usage`.
    pub(super) fn usage_of_children(&self) -> UsageByAgent {
        usage_of_children(self.slots.iter())
    }
}

pub(super) fn usage_of_children<'s>(slots: impl Iterator<Item = &'s Slot>) -> UsageByAgent {
    let mut usage = UsageByAgent::default();
    for slot in slots {
        if let State::Delegated(child) = &slot.state {
            usage += &child.usage_by_agent();
        }
    }
    usage
}
