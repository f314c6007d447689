//! A block while it is being written.

use std::sync::OnceLock;

use serde::Serialize;

use crate::{
    Block, BlockKind, Json, Piece, ToolCall, message::fields::Fields, message::tool_call::written_input,
};

/// For how many bytes of later pieces there is room, at least.
const MORE: usize = 64;

/// A block that is still being written: its beginning, and what was added.
#[derive(Debug)]
pub(super) struct Draft {
    begun: Block,
    /// Added text, thinking or input.
    words: String,
    signature: String,
    citations: Vec<Json>,
    /// The block so far. Built when it is asked for, and dropped when the draft grows.
    block: OnceLock<Block>,
}

impl Draft {
    pub(super) fn of(begun: Block) -> Self {
        let (words, signature, citations) = Default::default();
        Self { begun, words, signature, citations, block: OnceLock::new() }
    }

    /// Adds a piece. The validator has rejected pieces that don't fit, so all that is ignored here
    /// are pieces of unknown kinds.
    pub(super) fn push(&mut self, piece: Piece) {
        match (self.begun.kind(), piece) {
            (BlockKind::Text(_), Piece::Text(more)) => grow(&mut self.words, more),
            (BlockKind::Text(_), Piece::Citation(citation)) => self.citations.push(citation),
            (BlockKind::Thinking { .. }, Piece::Thinking(more)) => grow(&mut self.words, more),
            (BlockKind::Thinking { .. }, Piece::Signature(more)) => grow(&mut self.signature, more),
            (BlockKind::ToolUse(_) | BlockKind::ServerToolUse(_), Piece::Input(more)) => {
                grow(&mut self.words, more)
            }
            (BlockKind::Other(kind), Piece::Input(more)) if kind.ends_with("tool_use") => {
                grow(&mut self.words, more);
            }
            (BlockKind::Other(kind), Piece::Other(delta)) if kind == "compaction" => self.compact(&delta),
            _ => return,
        }
        self.block = OnceLock::new();
    }

    /// A compaction comes in one piece: the summary, and the fields that must be sent back with it.
    fn compact(&mut self, delta: &Json) {
        let Ok(mut new) = Fields::of(delta.text()) else { return };
        if new.string("type") == "compaction_delta" {
            new.retain(|name, _| name != "type");
            self.begun = self.begun.with_unread(new);
        }
    }

    /// The block so far.
    pub(super) fn block(&self) -> &Block {
        self.block.get_or_init(|| self.written())
    }

    pub(super) fn into_block(mut self) -> Block {
        self.block.take().unwrap_or_else(|| self.written())
    }

    fn written(&self) -> Block {
        let Self { begun, words, signature, citations, .. } = self;
        let mut block = begun.clone();
        match begun.kind() {
            _ if words.is_empty() && signature.is_empty() => {}
            BlockKind::Text(text) => block = block.with_text([text, words.as_str()].concat()),
            BlockKind::Thinking { thinking, signature: sign } => {
                block = block
                    .with_thinking([thinking, words.as_str()].concat(), [sign, signature.as_str()].concat());
            }
            // The streamed input replaces the one in the `Block`.
            BlockKind::ToolUse(call) | BlockKind::ServerToolUse(call) => {
                block = block.with_call(ToolCall { input: written_input(words), ..(**call).clone() });
            }
            _ => block = with(&block, "input", &written_input(words)),
        }
        if !citations.is_empty() {
            let begun: Vec<Json> =
                begun.field("citations").and_then(|all| all.parse().ok()).unwrap_or_default();
            block = with(&block, "citations", &[begun.as_slice(), citations].concat());
        }
        block
    }
}

/// Sets a field that [`BlockKind`] does not show.
fn with<T: Serialize + ?Sized>(block: &Block, field: &str, value: &T) -> Block {
    let mut fields = Fields::default();
    fields.set(field, value);
    block.with_unread(fields)
}

fn grow(text: &mut String, more: String) {
    match text.is_empty() {
        // Often the first piece is the whole text.
        true => *text = more,
        false => {
            // Pieces are short, and many follow.
            if text.capacity() - text.len() < more.len() {
                text.reserve(more.len() + text.len().max(MORE));
            }
            text.push_str(&more);
        }
    }
}
