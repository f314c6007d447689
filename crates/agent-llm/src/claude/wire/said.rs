//! What an event of a stream says.

use agent_core::{Block, Delta, model::Piece};

use crate::transport::words::Words;

/// What an event says. There is one at a time, which is handed on at once: a box would cost more
/// than its size.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// A piece of the reply.
    Delta(Delta),
    /// A block's words, which may begin or end in the middle of a character.
    Grown(Grown),
    /// The reply is whole.
    End,
    /// Nothing that concerns the reply.
    Nothing,
}

/// Words of a block, which may begin or end in the middle of a character.
#[derive(Debug, PartialEq)]
pub(crate) struct Grown {
    /// The block's place in the reply.
    pub(crate) index: usize,
    /// What the block began with, if these are the words of its beginning that it does not hold.
    pub(crate) block: Option<Block>,
    pub(crate) field: Field,
    pub(crate) words: Words,
}

/// The field of a block that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Text,
    Thinking,
    Signature,
    Input,
}

impl Field {
    pub(crate) fn piece(self, words: String) -> Piece {
        match self {
            Self::Text => Piece::Text(words),
            Self::Thinking => Piece::Thinking(words),
            Self::Signature => Piece::Signature(words),
            Self::Input => Piece::Input(words),
        }
    }
}
