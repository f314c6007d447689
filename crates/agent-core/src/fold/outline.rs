//! Whether a reply's pieces make a reply.

use std::collections::BTreeMap;

use crate::{Delta, LlmError, LlmErrorKind, Piece};

/// Tells whether the [`Delta`]s of one request make a [`Response`](crate::Response), without making it: for wrappers
/// that hand a reply on and must know whether it is one. What it accepts, [`Fold`](crate::Fold) accepts.
#[derive(Debug, Default)]
pub struct Outline {
    /// Which block began as the how many-th, by the blocks' places. There may be many thousands.
    begun: BTreeMap<usize, usize>,
    /// The block that the last piece was of, which the next one is of, too, as a rule.
    last: Option<(usize, usize)>,
    has_end: bool,
}

impl Outline {
    /// Takes in the next piece; an error if it does not fit what came before.
    pub fn push(&mut self, delta: &Delta) -> Result<(), LlmError> {
        match delta {
            Delta::Block { index, .. } => {
                if !self.begin(*index) {
                    return Err(malformed(format!("block {index} began twice")));
                }
            }
            // It comes from a backend that only yields pieces.
            Delta::Piece { index, piece: Piece::Text(_) } => drop(self.begin(*index)),
            Delta::Piece { index, .. } if self.find(*index).is_none() => {
                let message = format!("a piece of block {index}, which never began: yield its Block first");
                return Err(malformed(message));
            }
            Delta::Stop { .. } | Delta::Whole(_) => self.has_end = true,
            Delta::Restarted { .. } => *self = Self::default(),
            Delta::Start { .. } | Delta::Piece { .. } | Delta::BlockEnd { .. } | Delta::Notice(_) => {}
        }
        Ok(())
    }

    /// As the how many-th the block of this place began.
    pub(super) fn find(&mut self, index: usize) -> Option<usize> {
        if self.last.is_none_or(|(place, _)| place != index) {
            self.last = Some((index, *self.begun.get(&index)?));
        }
        self.last.map(|(_, number)| number)
    }

    /// False if the block has begun before.
    fn begin(&mut self, index: usize) -> bool {
        let is_new = self.find(index).is_none();
        if is_new {
            self.begun.insert(index, self.begun.len());
        }
        is_new
    }

    /// Says that nothing more comes; an error if the reply broke off before its end.
    pub fn finish(&self) -> Result<(), LlmError> {
        let broke_off = || LlmError::new(LlmErrorKind::Incomplete, "it ended without a stop reason");
        self.has_end.then_some(()).ok_or_else(broke_off)
    }
}

fn malformed(message: String) -> LlmError {
    LlmError::new(LlmErrorKind::Malformed, message)
}
