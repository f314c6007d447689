//! Which ids the calls of a conversation have.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::{Block, Message};

/// Tells in most cases that an id is new without looking at the messages, of which there may be thousands. It follows
/// from them, so it is neither written nor compared. Clones share it until one of them goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct CallIds(Arc<BTreeSet<u64>>);

impl CallIds {
    pub(super) fn of(messages: &[Message]) -> Self {
        Self(Arc::new(messages.iter().flat_map(Message::tool_calls).map(|call| hash(&call.id)).collect()))
    }

    pub(super) fn extend(&mut self, reply: &[Block]) {
        let mut calls = reply.iter().filter_map(Block::as_tool_use).peekable();
        if calls.peek().is_some() {
            Arc::make_mut(&mut self.0).extend(calls.map(|call| hash(&call.id)));
        }
    }

    /// Whether there may be such a call; if not, there is none.
    pub(super) fn may_have(&self, id: &str) -> bool {
        self.0.contains(&hash(id))
    }
}

impl PartialEq for CallIds {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The same in every process.
fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
