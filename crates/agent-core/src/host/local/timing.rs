//! When the first piece of a reply arrived.

use std::time::Duration;

use tokio::time::Instant;

use crate::Delta;

/// When a turn started, and how long its first piece took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    start: Instant,
    first_piece: Option<Duration>,
}

impl Timing {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), first_piece: None }
    }

    pub(super) fn see(&mut self, delta: &Delta) {
        let is_piece = matches!(delta, Delta::Piece { .. } | Delta::Block { .. });
        if self.first_piece.is_none() && is_piece {
            self.first_piece = Some(self.start.elapsed());
        }
    }

    /// The time from the start of the turn to the first piece. `None` if there was none.
    pub(super) fn first_piece(&self) -> Option<Duration> {
        self.first_piece
    }
}
