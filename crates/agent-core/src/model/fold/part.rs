//! What kinds of pieces a block takes.

use std::fmt;

use crate::{Block, BlockKind, Piece};

/// The kind of a block, as far as it decides which pieces fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text,
    Thinking,
    Call,
    /// A block that comes whole.
    Whole,
}

impl Part {
    pub(super) fn of(block: &Block) -> Self {
        match block.kind() {
            BlockKind::Text(_) => Self::Text,
            BlockKind::Thinking { .. } => Self::Thinking,
            BlockKind::ToolUse(_) | BlockKind::ServerToolUse(_) => Self::Call,
            BlockKind::Other(kind) if kind.ends_with("tool_use") => Self::Call,
            _ => Self::Whole,
        }
    }

    /// Checks that a piece fits. The error names the kind of the piece.
    pub(super) fn takes(self, piece: &Piece) -> Result<(), &'static str> {
        match (self, piece) {
            (Self::Text, Piece::Text(_) | Piece::Citation(_))
            | (Self::Thinking, Piece::Thinking(_) | Piece::Signature(_))
            | (Self::Call, Piece::Input(_))
            | (_, Piece::Other(_)) => Ok(()),
            (_, Piece::Text(_)) => Err("words"),
            (_, Piece::Thinking(_)) => Err("thinking"),
            (_, Piece::Signature(_)) => Err("a signature"),
            (_, Piece::Input(_)) => Err("a part of an input"),
            (_, Piece::Citation(_)) => Err("a citation"),
        }
    }
}

/// Says what the block is, and what to do with a piece that does not fit.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Text => "text",
            Self::Thinking => "thinking",
            Self::Call => "a tool call",
            Self::Whole => "a block that comes whole",
        };
        write!(f, "{what}: yield it under the index of a block that takes it")
    }
}
