//! From the events of a streamed reply to deltas.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
};

use agent_core::{Delta, LlmError, StopReason};

use super::wire::{Begun, Field, Grown, Said, read};
use crate::transport::{parser::ReadEvent, sse::Event, words::Words};

/// What the events of a reply have said so far, as far as the next ones depend on it.
#[derive(Debug, Default)]
pub(crate) struct MessageEvents {
    /// First halves of characters, by block: the second ones may be in the next pieces.
    halves: BTreeMap<usize, (Field, Words)>,
    begun: Begun,
    /// The server has said why the reply ends.
    over: bool,
    complete: bool,
}

impl ReadEvent for MessageEvents {
    const END: &'static str = "message_stop";

    fn read(&mut self, event: &Event<'_>, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        let said = read(event)?;
        self.take_in(said, deltas);
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.complete
    }
}

impl MessageEvents {
    fn take_in(&mut self, said: Said, deltas: &mut VecDeque<Delta>) {
        if self.goes_on(&said) {
            deltas.push_back(Delta::stop(StopReason::open()));
        }
        match said {
            Said::Delta(delta) if !self.begun.fits_delta(&delta) => {}
            Said::Grown(grown) if !self.begun.fits(&grown) => {}
            Said::Delta(delta) => {
                match &delta {
                    Delta::Block { index, .. } | Delta::BlockEnd { index } => self.end_half(*index, deltas),
                    Delta::Stop { .. } => self.end_halves(deltas),
                    _ => {}
                }
                deltas.push_back(delta);
            }
            Said::Grown(grown) => self.join(grown, deltas),
            Said::End => self.complete = true,
            Said::Nothing => {}
        }
    }

    /// Whether the reply goes on after the server has said why it ends.
    fn goes_on(&mut self, said: &Said) -> bool {
        match said {
            Said::Delta(Delta::Stop { stop_reason, .. }) => self.over = *stop_reason != StopReason::open(),
            Said::Grown(_) | Said::Delta(Delta::Block { .. } | Delta::Piece { .. }) => {
                return mem::take(&mut self.over);
            }
            _ => {}
        }
        false
    }

    /// Puts words behind the first half of a character that waits for them. If they end with a
    /// first half, that half waits in turn.
    fn join(&mut self, Grown { index, block, field, words }: Grown, deltas: &mut VecDeque<Delta>) {
        if block.is_some() || self.halves.get(&index).is_some_and(|(of, _)| *of != field) {
            self.end_half(index, deltas);
        }
        deltas.extend(block.map(|block| Delta::Block { index, block }));
        let before = self.halves.remove(&index).map(|(_, half)| half);
        let mut words = words.after(before);
        if let Some(half) = words.split_half() {
            self.halves.insert(index, (field, half));
            if words.is_empty() {
                return;
            }
        }
        deltas.push_back(Delta::Piece { index, piece: field.piece(words.text()) });
    }

    /// The first half of a character of this block, if there is one, stays without its second half.
    fn end_half(&mut self, index: usize, deltas: &mut VecDeque<Delta>) {
        if let Some((field, half)) = self.halves.remove(&index) {
            deltas.push_back(Delta::Piece { index, piece: field.piece(half.text()) });
        }
    }

    fn end_halves(&mut self, deltas: &mut VecDeque<Delta>) {
        while let Some((&index, _)) = self.halves.first_key_value() {
            self.end_half(index, deltas);
        }
    }
}
