//! What a conversation has spent, and what is reserved for a request that is under way.

use super::{Conversation, Reserved, State};
use crate::{Change, Spent};

impl Conversation {
    /// What the conversation has spent so far, including delegated conversations.
    pub fn spent(&self) -> Spent {
        Spent::from(&self.usage_by_agent())
    }

    /// What the conversation has spent since the user last spoke.
    pub fn spent_since_user(&self) -> Spent {
        self.spent().since(&self.spent_before)
    }

    /// The changes that count as spent what is still [reserved](Change::Reserved), here and in
    /// delegated conversations. Each has the id of its conversation. It is for hosts that continue
    /// a run whose process has ended: nobody knows what the requests have used that were under way
    /// then.
    pub fn unsettled(&self) -> Vec<(String, Change)> {
        let own = self.reserved.sum().map(|Reserved { agent, usage }| {
            (self.id.to_string(), Change::Spent { agent, usage: usage.of_broken_off() })
        });
        let children = self.all_slots().filter_map(|slot| match &slot.state {
            State::Delegated(child) => Some(child.unsettled()),
            _ => None,
        });
        own.into_iter().chain(children.flatten()).collect()
    }
}
