//! Which blocks of a stream have begun, and what they take.

use std::collections::BTreeMap;

use agent_core::{Block, Delta, message::BlockKind, model::Piece};

use super::{Field, Grown};

/// What the blocks that have begun can grow by.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    blocks: BTreeMap<usize, Takes>,
    /// The one that grew last: as a rule it grows next, too.
    last: Option<(usize, Takes)>,
}

#[derive(Clone, Copy, Debug)]
enum Takes {
    Text,
    Thinking,
    Input,
    Nothing,
}

impl Begun {
    /// Whether more of a block fits it. Of a block that has not begun, who reads the reply says
    /// what is wrong.
    pub(crate) fn fits(&mut self, grown: &Grown) -> bool {
        if let Some(block) = &grown.block {
            self.begin(grown.index, Takes::of(block));
        }
        match (self.takes(grown.index), grown.field) {
            (Some(takes), field) => takes.takes(field),
            (None, Field::Text) => {
                self.begin(grown.index, Takes::Text);
                true
            }
            (None, _) => true,
        }
    }

    pub(crate) fn fits_delta(&mut self, delta: &Delta) -> bool {
        match delta {
            Delta::Block { index, block } => {
                self.begin(*index, Takes::of(block));
                true
            }
            Delta::Piece { index, piece: Piece::Citation(_) } => {
                matches!(self.takes(*index), None | Some(Takes::Text))
            }
            _ => true,
        }
    }

    fn begin(&mut self, index: usize, takes: Takes) {
        self.last = Some((index, takes));
        self.blocks.insert(index, takes);
    }

    fn takes(&mut self, index: usize) -> Option<Takes> {
        if self.last.is_none_or(|(last, _)| last != index) {
            self.last = self.blocks.get(&index).map(|takes| (index, *takes));
        }
        self.last.map(|(_, takes)| takes)
    }
}

impl Takes {
    fn of(block: &Block) -> Self {
        match block.kind() {
            BlockKind::Text(_) => Self::Text,
            BlockKind::Thinking { .. } => Self::Thinking,
            BlockKind::ToolUse(_) | BlockKind::ServerToolUse(_) => Self::Input,
            BlockKind::Other(kind) if kind.ends_with("tool_use") => Self::Input,
            _ => Self::Nothing,
        }
    }

    fn takes(self, field: Field) -> bool {
        matches!(
            (self, field),
            (Self::Text, Field::Text)
                | (Self::Thinking, Field::Thinking | Field::Signature)
                | (Self::Input, Field::Input)
        )
    }
}
