//! What a conversation cost.

use super::{Conversation, State};
use crate::{Usage, UsageByAgent};

impl Conversation {
    /// What its models cost so far, delegations included.
    pub fn usage(&self) -> Usage {
        self.usage_by_agent().total()
    }

    /// The same by agent. What each turn costs is told as it ends:
    /// [`EventKind::TurnEnded`](crate::EventKind::TurnEnded).
    pub fn usage_by_agent(&self) -> UsageByAgent {
        let mut usage = self.usage.clone();
        usage += &self.usage_of_children();
        usage
    }

    /// What delegations cost whose usage is not added up yet.
    pub(super) fn usage_of_children(&self) -> UsageByAgent {
        let mut usage = UsageByAgent::default();
        for slot in self.slots.iter() {
            if let State::Delegated(child) = &slot.state {
                usage += &child.usage_by_agent();
            }
        }
        usage
    }
}
