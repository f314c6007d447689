//! Finds the ids that the calls of a reply will have, as soon as they begin.

use std::sync::Arc;

use crate::{
    Block, Conversation, Delta, Response, SharedText, ToolCall, conversation::Sanitizer, event::named,
};

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
    pub(super) tool: SharedText,
    pub(super) was: SharedText,
    pub(super) id: SharedText,
}

impl ReplacedId {
    fn of(was: &Arc<ToolCall>, call: &Arc<ToolCall>) -> Self {
        let (id, tool) = named(call);
        Self { tool, was: SharedText::id_of(was), id }
    }
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
                let renamed =
                    blocks.filter_map(|(index, block)| Some((index, self.renamed(index, block, &mut new)?)));
                let renamed: Vec<_> = renamed.collect();
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
        new.map(|((_, was), call)| ReplacedId::of(was, call)).collect()
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
        new.push(ReplacedId::of(call, recorded));
        Some(block.with_call(ToolCall { id: recorded.id.clone(), ..(**call).clone() }))
    }
}

/// A reply with these blocks at these places.
fn with_renamed(response: &Response, renamed: Vec<(usize, Block)>) -> Arc<Response> {
    let mut response = response.clone();
    for (index, block) in renamed {
        response.content[index] = block;
    }
    response.into()
}
