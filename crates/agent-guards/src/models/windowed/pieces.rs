//! The text in the pieces of a reply.

use std::collections::BTreeSet;

use agent_core::{Block, Delta, model};

/// The text that a piece adds.
pub(super) fn added_text(delta: &Delta) -> Option<&str> {
    match delta {
        Delta::Block { block, .. } => block.as_text(),
        Delta::Piece { piece: model::Piece::Text(text), .. } => Some(text),
        _ => None,
    }
}

/// The pieces with this text in the place of their first text block, and without other text blocks.
pub(super) fn with_text(pieces: Vec<Delta>, text: String) -> Vec<Delta> {
    let index_of_text = |delta: &Delta| match delta {
        Delta::Block { index, .. } | Delta::Piece { index, .. } => added_text(delta).map(|_| *index),
        _ => None,
    };
    let texts: BTreeSet<usize> = pieces.iter().filter_map(index_of_text).collect();
    let is_text = |index: &usize| texts.contains(index);
    let mut new = Some(text);
    let replaced = |delta: Delta| match delta {
        Delta::Block { index, .. } | Delta::Piece { index, .. } if is_text(&index) => {
            Some(Delta::Block { index, block: Block::text(new.take()?) })
        }
        Delta::BlockEnd { index } if is_text(&index) => None,
        delta => Some(delta),
    };
    pieces.into_iter().filter_map(replaced).collect()
}
