//! The limit on the size of a reply.

use crate::{Block, Delta, LlmError, LlmErrorKind, Piece};

/// The most bytes of a reply, including withdrawn ones. No model writes as much; this stops a
/// backend that never ends.
const MOST: usize = 64 * 1024 * 1024;

/// What each piece counts beside its content. It stops a backend that yields empty pieces for ever.
const EACH: usize = 64;

/// The bytes of a reply so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size(usize);

impl Size {
    /// Counts a piece. It fails if that makes the reply too long.
    pub(super) fn add(&mut self, delta: &Delta) -> Result<(), LlmError> {
        self.0 = self.0.saturating_add(EACH).saturating_add(says(delta));
        if self.0 <= MOST {
            return Ok(());
        }
        let message =
            format!("it has more than {MOST} bytes: a backend must end its reply with a Stop before that");
        Err(LlmError::new(LlmErrorKind::TooLong, message))
    }
}

fn says(delta: &Delta) -> usize {
    let json = |block: &Block| block.json().text().len();
    match delta {
        Delta::Block { block, .. } => json(block),
        Delta::Piece { piece, .. } => match piece {
            Piece::Text(words) | Piece::Thinking(words) | Piece::Signature(words) | Piece::Input(words) => {
                words.len()
            }
            Piece::Citation(json) | Piece::Other(json) => json.text().len(),
        },
        Delta::Complete(reply) => reply.content.iter().map(|block| EACH + json(block)).sum(),
        Delta::Start { extra, .. } | Delta::Stop { extra, .. } => {
            extra.iter().map(|(name, json)| name.len() + json.text().len()).sum()
        }
        Delta::BlockEnd { .. } | Delta::Restarted { .. } | Delta::Notice(_) | Delta::Other { .. } => 0,
    }
}
