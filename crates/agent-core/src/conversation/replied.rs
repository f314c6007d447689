//! What is known of the last reply, and of the container that it used.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Conversation;
use crate::{Message, Role};

/// A container in which tools ran on the API's servers for an agent. Its files are there for the
/// next requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Container {
    pub(super) agent: Arc<str>,
    pub(super) id: String,
}

/// The last reply, if it was recorded exactly as the server wrote it. The server may still hold the
/// history up to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Replied {
    pub(super) agent: Arc<str>,
    /// The server's id of the reply.
    pub(super) id: Arc<str>,
    /// How many messages there were before it.
    pub(super) at: usize,
}

impl Conversation {
    /// The id of the API's container, its sandbox for code, that the [`speaker`](Self::speaker) has
    /// used. The next request names the container, so that its files are still there. `None` if
    /// there is none.
    pub fn container(&self) -> Option<&str> {
        let container = self.container.as_ref().filter(|container| *container.agent == *self.speaker())?;
        Some(&container.id)
    }

    /// The last reply and the server's id of it, if the agent that speaks next wrote it and it was
    /// recorded unchanged.
    pub(crate) fn last_reply(&self) -> Option<(&Arc<str>, &Message)> {
        let replied = self.replied.as_ref().filter(|replied| *replied.agent == *self.speaker())?;
        Some((&replied.id, self.messages.get(replied.at)?))
    }

    /// What was said after the last reply, without results of calls.
    pub(crate) fn said_since_reply(&self) -> Vec<Message> {
        let replied = self.messages.iter().rposition(|message| message.role() == Role::Assistant);
        let since = &self.messages[replied.map_or(0, |place| place + 1)..];
        since.iter().filter_map(Message::without_results).collect()
    }
}
