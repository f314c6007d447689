//! Which ids the calls of a conversation have.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{Block, Message, ToolCall};

/// A call that is found by its id.
#[derive(Clone, Debug)]
pub(super) struct ById(pub(super) Arc<ToolCall>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.as_str().hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

/// Tells whether an id is new without looking at the messages, of which there may be thousands. It follows from them, so
/// it is neither written nor compared. Clones share it until one of them goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct CallIds(Arc<Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    calls: HashSet<ById>,
    numbers: Numbers,
}

/// By what stands before the number: all ids with a number below this one are taken.
pub(super) type Numbers = HashMap<String, u32>;

impl CallIds {
    pub(super) fn of(messages: &[Message]) -> Self {
        let calls = messages.iter().flat_map(Message::tool_calls).cloned().map(ById).collect();
        Self(Arc::new(Known { calls, numbers: Numbers::new() }))
    }

    /// The calls of one more reply, and the numbers that were found while it was mended.
    pub(super) fn extend(&mut self, reply: &[Block], numbers: Numbers) {
        let mut calls = reply.iter().filter_map(Block::as_tool_use).peekable();
        if calls.peek().is_some() {
            let known = Arc::make_mut(&mut self.0);
            known.calls.extend(calls.cloned().map(ById));
            known.numbers.extend(numbers);
        }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.calls.contains(id)
    }

    /// The first number that may be free behind these words.
    pub(super) fn number(&self, stem: &str) -> u32 {
        self.0.numbers.get(stem).copied().unwrap_or(2)
    }
}

impl PartialEq for CallIds {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
