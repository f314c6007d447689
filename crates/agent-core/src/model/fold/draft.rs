//! A block while it is being written.

use std::sync::OnceLock;

use serde::Serialize;

use crate::{
    Block, BlockKind, Json, Piece, ToolCall, message::fields::Fields, message::tool_call::written_input,
};

/// A block that is still being written: how it began, and what it has grown by.
#[derive(Debug)]
pub(super) struct Draft {
    begun: Block,
    /// More of its text, its thinking or its input.
    words: String,
    signature: String,
    citations: Vec<Json>,
    /// The whole of it, once somebody has asked, until it grows again.
    block: OnceLock<Block>,
}

impl Draft {
    pub(super) fn of(begun: Block) -> Self {
        let (words, signature, citations) = Default::default();
        Self { begun, words, signature, citations, block: OnceLock::new() }
    }

    /// Of what the outline lets through, a piece of an unknown kind is passed over.
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

    /// The fields of a compaction come whole: the summary, and what must go back with it.
    fn compact(&mut self, delta: &Json) {
        let Ok(mut new) = Fields::of(delta.text()) else { return };
        if new.string("type") == "compaction_delta" {
            new.retain(|name, _| name != "type");
            self.begun = self.begun.with_unread(new);
        }
    }

    /// The block as it would be if nothing more came.
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
            // What came instead of the input that stands at the beginning.
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

/// The block with a field that its typed view does not show.
fn with<T: Serialize + ?Sized>(block: &Block, field: &str, value: &T) -> Block {
    let mut fields = Fields::default();
    fields.set(field, value);
    block.with_unread(fields)
}

fn grow(text: &mut String, more: String) {
    match text.is_empty() {
        // As a rule, all of it.
        true => *text = more,
        false => text.push_str(&more),
    }
}
