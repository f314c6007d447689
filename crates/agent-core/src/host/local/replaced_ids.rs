//! Finds the ids that the calls of a reply will have, as soon as they begin.

use std::sync::Arc;

use crate::{Block, Conversation, Delta, Response, ToolCall, conversation::Sanitizer};

/// Follows a reply and gives each call the id with which it will be recorded, so that listeners
/// know the id before any event uses it.
pub(super) struct ReplacedIds<'a> {
    so_far: &'a Conversation,
    /// It has seen the calls of the reply so far.
    sanitizer: Sanitizer<'a>,
    /// The calls as listeners know them, each with the index of its block.
    known: Vec<(usize, Arc<ToolCall>)>,
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
        Self { so_far, sanitizer: so_far.sanitizer(), known: Vec::new(), is_out_of_order: false }
    }

    /// Returns the piece for listeners if an id in it is new, and which ids are new.
    pub(super) fn see(&mut self, delta: &Delta) -> (Option<Delta>, Vec<ReplacedId>) {
        let mut new = Vec::new();
        let shown = match delta {
            Delta::Block { index, block } => {
                let block = self.renamed(*index, block, &mut new);
                block.map(|block| Delta::Block { index: *index, block })
            }
            Delta::Complete(response) => {
                self.forget();
                let blocks = response.content.iter().enumerate();
                let renamed: Vec<_> =
                    blocks.map(|(index, block)| self.renamed(index, block, &mut new)).collect();
                (!new.is_empty()).then(|| Delta::Complete(with_renamed(response, renamed)))
            }
            Delta::Restarted { .. } => {
                self.forget();
                None
            }
            _ => None,
        };
        (shown, new)
    }

    /// The ids that are different in the whole reply. This happens if blocks did not begin in
    /// order.
    pub(super) fn corrections(self, response: &Response) -> Vec<ReplacedId> {
        if !self.is_out_of_order {
            return Vec::new();
        }
        let recorded = self.so_far.sanitized(response.content.clone());
        let calls = recorded.iter().filter_map(Block::as_tool_use);
        let mut known = self.known;
        known.sort_by_key(|(index, _)| *index);
        let new = known.iter().zip(calls).filter(|((_, was), call)| was.id != call.id);
        let new = new.map(|((_, was), call)| ReplacedId {
            tool: call.name.clone(),
            was: was.id.clone(),
            id: call.id.clone(),
        });
        new.collect()
    }

    fn forget(&mut self) {
        self.sanitizer = self.so_far.sanitizer();
        self.known.clear();
        self.is_out_of_order = false;
    }

    /// The block with the id that its call will have, if that is another one.
    fn renamed(&mut self, index: usize, block: &Block, new: &mut Vec<ReplacedId>) -> Option<Block> {
        let call = block.as_tool_use()?;
        let sanitized = self.sanitizer.sanitize(block.clone());
        let recorded = sanitized.as_tool_use()?;
        self.is_out_of_order |= self.known.last().is_some_and(|(before, _)| *before > index);
        self.known.push((index, recorded.clone()));
        if recorded.id == call.id {
            return None;
        }
        let id = recorded.id.clone();
        new.push(ReplacedId { tool: recorded.name.clone(), was: call.id.clone(), id: id.clone() });
        Some(block.with_call(ToolCall { id, ..(**call).clone() }))
    }
}

/// A reply with these blocks instead of those at the same places.
fn with_renamed(response: &Response, renamed: Vec<Option<Block>>) -> Box<Response> {
    let mut response = response.clone();
    for (block, renamed) in response.content.iter_mut().zip(renamed) {
        if let Some(renamed) = renamed {
            *block = renamed;
        }
    }
    response.into()
}
