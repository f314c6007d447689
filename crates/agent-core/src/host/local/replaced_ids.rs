//! Finds the ids that the calls of a reply will have, as soon as they begin.

use std::collections::BTreeMap;

use crate::{Block, Conversation, Delta, Response, ToolCall, conversation::Sanitizer};

/// Follows a reply and gives each call the id with which it will be recorded, so that listeners
/// know the id before any event uses it.
pub(super) struct ReplacedIds<'a> {
    so_far: &'a Conversation,
    /// It has seen the calls of the reply so far.
    sanitizer: Sanitizer<'a>,
    /// The ids that listeners know, by the indexes of the blocks.
    known: BTreeMap<usize, String>,
    /// Whether a block began after one with a greater index.
    is_out_of_order: bool,
}

/// A call whose id differs from the one that listeners know.
pub(super) struct ReplacedId {
    pub(super) tool: String,
    pub(super) was: String,
    pub(super) id: String,
}

impl<'a> ReplacedIds<'a> {
    pub(super) fn new(so_far: &'a Conversation) -> Self {
        Self { so_far, sanitizer: so_far.sanitizer(), known: BTreeMap::new(), is_out_of_order: false }
    }

    /// Returns the piece for listeners, with the new ids, and which ids are new.
    pub(super) fn see(&mut self, delta: &Delta) -> (Delta, Vec<ReplacedId>) {
        let mut new = Vec::new();
        let delta = match delta {
            Delta::Block { index, block } if block.as_tool_use().is_some() => {
                Delta::Block { index: *index, block: self.renamed(*index, block, &mut new) }
            }
            Delta::Complete(response) => {
                self.forget();
                let blocks = response.content.iter().enumerate();
                let content = blocks.map(|(index, block)| self.renamed(index, block, &mut new)).collect();
                Delta::complete(Response { content, ..(**response).clone() })
            }
            Delta::Restarted { .. } => {
                self.forget();
                delta.clone()
            }
            _ => delta.clone(),
        };
        (delta, new)
    }

    /// The ids that are different in the whole reply. This happens if blocks did not begin in
    /// order.
    pub(super) fn corrections(self, response: &Response) -> Vec<ReplacedId> {
        if !self.is_out_of_order {
            return Vec::new();
        }
        let recorded = self.so_far.sanitized(response.content.clone());
        let calls = recorded.iter().filter_map(Block::as_tool_use);
        let new = self.known.into_values().zip(calls).filter(|(was, call)| *was != call.id);
        new.map(|(was, call)| ReplacedId { tool: call.name.clone(), was, id: call.id.clone() }).collect()
    }

    fn forget(&mut self) {
        self.sanitizer = self.so_far.sanitizer();
        self.known.clear();
        self.is_out_of_order = false;
    }

    fn renamed(&mut self, index: usize, block: &Block, new: &mut Vec<ReplacedId>) -> Block {
        let Some(call) = block.as_tool_use() else { return block.clone() };
        let sanitized = self.sanitizer.sanitize(block.clone());
        let Some(recorded) = sanitized.as_tool_use().cloned() else { return block.clone() };
        self.is_out_of_order |= self.known.last_key_value().is_some_and(|(last, _)| *last > index);
        self.known.insert(index, recorded.id.clone());
        if recorded.id == call.id {
            return block.clone();
        }
        let id = recorded.id.clone();
        new.push(ReplacedId { tool: recorded.name.clone(), was: call.id.clone(), id: id.clone() });
        block.with_call(ToolCall { id, ..(**call).clone() })
    }
}
