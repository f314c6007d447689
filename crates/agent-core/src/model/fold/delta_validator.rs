//! Checks whether the pieces of a reply make a reply.

use std::collections::BTreeMap;

use super::part::Part;
use crate::{Delta, LlmError, LlmErrorKind, Piece, StopReason};

/// Checks that the [`Delta`]s of one request make a valid [`Response`](crate::Response), without
/// building it. Use it in a wrapper that passes deltas on and must know whether they are valid.
/// [`Fold`](crate::model::Fold) accepts the same deltas.
///
/// These are errors ([`Malformed`](LlmErrorKind::Malformed)), because content would be lost:
///
/// - a piece that does not fit its block, such as text for a tool call;
/// - a piece of a block that never began, unless it is text;
/// - a piece after the [`Stop`](Delta::Stop);
/// - a [`Complete`](Delta::Complete) reply beside pieces.
///
/// If a server sends more after its stop event, the backend yields the first `Stop` with
/// [`StopReason::open`], and a second `Stop` at the real end. A piece of a kind that this library
/// does not know is ignored.
#[derive(Debug, Default)]
pub struct DeltaValidator {
    /// By the index of each block: its number in the order of beginning, and what it can grow by.
    /// There may be many thousands of blocks.
    begun: BTreeMap<usize, (usize, Part)>,
    /// The block of the last piece. Usually the next piece is of the same block.
    last: Option<(usize, (usize, Part))>,
    has_end: bool,
    /// No more content may follow.
    is_over: bool,
}

impl DeltaValidator {
    /// Checks the next piece. Fails if the piece does not fit the pieces before it.
    pub fn push(&mut self, delta: &Delta) -> Result<(), LlmError> {
        match delta {
            Delta::Block { index, block } => {
                self.is_open(*index)?;
                if self.begun(*index).is_some() {
                    return Err(malformed(format!("block {index} began twice")));
                }
                self.begin(*index, Part::of(block));
            }
            Delta::Piece { index, piece } => {
                self.is_open(*index)?;
                let part = self.part(*index, piece)?;
                part.takes(piece).map_err(|why| malformed(format!("{why} for block {index}, {part}")))?;
            }
            Delta::Stop { stop_reason, .. } => {
                self.has_end = true;
                // A `Stop` with an open reason brings only counts: the reply may go on.
                self.is_over = *stop_reason != StopReason::open();
            }
            Delta::Complete(_) if self.is_over || !self.begun.is_empty() => {
                return Err(malformed("a whole reply beside pieces of one: yield either".to_owned()));
            }
            Delta::Complete(_) => (self.has_end, self.is_over) = (true, true),
            Delta::Restarted { .. } => *self = Self::default(),
            Delta::Start { .. } | Delta::BlockEnd { .. } | Delta::Notice(_) | Delta::Other { .. } => {}
        }
        Ok(())
    }

    fn is_open(&self, index: usize) -> Result<(), LlmError> {
        let late = || malformed(format!("more of block {index} after the reply's end: yield the Stop last"));
        if self.is_over { Err(late()) } else { Ok(()) }
    }

    /// What kind of block a piece belongs to. Text may come without a `Block`, because simple
    /// backends yield only pieces.
    fn part(&mut self, index: usize, piece: &Piece) -> Result<Part, LlmError> {
        match (self.begun(index), piece) {
            (Some((_, part)), _) => Ok(part),
            (None, Piece::Text(_)) => {
                self.begin(index, Part::Text);
                Ok(Part::Text)
            }
            (None, _) => {
                let message = format!("a piece of block {index}, which never began: yield its Block first");
                Err(malformed(message))
            }
        }
    }

    /// The number of the block with this index, in the order in which blocks began.
    pub(super) fn find(&mut self, index: usize) -> Option<usize> {
        self.begun(index).map(|(number, _)| number)
    }

    fn begun(&mut self, index: usize) -> Option<(usize, Part)> {
        if self.last.is_none_or(|(place, _)| place != index) {
            self.last = Some((index, *self.begun.get(&index)?));
        }
        self.last.map(|(_, begun)| begun)
    }

    fn begin(&mut self, index: usize, part: Part) {
        let begun = (self.begun.len(), part);
        self.begun.insert(index, begun);
        self.last = Some((index, begun));
    }

    /// Checks that the reply is complete. Fails if the reply broke off before its end.
    pub fn finish(&self) -> Result<(), LlmError> {
        let broke_off = || LlmError::new(LlmErrorKind::Incomplete, "it ended without a stop reason");
        self.has_end.then_some(()).ok_or_else(broke_off)
    }
}

fn malformed(message: String) -> LlmError {
    LlmError::new(LlmErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;
    use crate::{Block, Response};

    fn call() -> Delta {
        Delta::call(0, "a", "f", json!({}))
    }

    fn piece(piece: Piece) -> Delta {
        Delta::Piece { index: 0, piece }
    }

    /// The error for the last of these pieces.
    fn check(deltas: impl IntoIterator<Item = Delta>, expected: Result<(), &str>) {
        let mut outline = DeltaValidator::default();
        let mut said = Ok(());
        for delta in deltas {
            assert_eq!(said, Ok(()));
            said = outline.push(&delta).map_err(|error| error.message.clone());
        }
        assert_eq!(said, expected.map_err(str::to_owned));
    }

    #[test]
    fn field_74_a_piece_that_would_be_lost_is_an_error_that_says_what_to_do() {
        let words = || Delta::words(0, "hi");
        let (stop, open) = (|| Delta::stop(StopReason::EndTurn), || Delta::stop(StopReason::open()));
        let whole = || Delta::complete(Response::text("hi"));
        let image = || Delta::Block { index: 0, block: Block::image("image/png", "eA==") };
        let input = || piece(Piece::Input("{}".to_owned()));
        let sign = || piece(Piece::Signature("c2ln".to_owned()));
        let fits = "yield it under the index of a block that takes it";
        check([call(), words()], Err(&format!("words for block 0, a tool call: {fits}")));
        check([image(), words()], Err(&format!("words for block 0, a block that comes whole: {fits}")));
        check([words(), input()], Err(&format!("a part of an input for block 0, text: {fits}")));
        check([words(), sign()], Err(&format!("a signature for block 0, text: {fits}")));
        let late = "more of block 0 after the reply's end: yield the Stop last";
        check([words(), stop(), words()], Err(late));
        check([stop(), call()], Err(late));
        check([whole(), words()], Err(late));
        let beside = "a whole reply beside pieces of one: yield either";
        check([words(), whole()], Err(beside));
        check([stop(), whole()], Err(beside));
        check([whole(), whole()], Err(beside));
        // Unknown pieces are ignored, and counts may come in between.
        check([call(), piece(Piece::Other(json!({"type": "new"}).into()))], Ok(()));
        check([call(), input(), open(), input(), stop(), open()], Ok(()));
        check([words(), stop(), open(), words(), stop()], Ok(()));
        check([words(), Delta::Restarted { reason: String::new() }, whole()], Ok(()));
    }

    #[test]
    fn field_80_a_reply_of_many_blocks_takes_as_long_for_each_as_one_of_few() {
        let (mut outline, began) = (DeltaValidator::default(), Instant::now());
        // This takes a second on a busy machine. It would take hours if each piece were compared
        // with all others.
        let is_soon = || assert!(began.elapsed() < Duration::from_secs(60));
        for index in 0..200_000 {
            outline.push(&Delta::Block { index, block: Block::text("") }).unwrap();
            is_soon();
        }
        for index in (0..200_000).rev() {
            outline.push(&Delta::words(index, "hi")).unwrap();
            is_soon();
        }
        assert!(outline.push(&Delta::Block { index: 7, block: Block::text("") }).is_err());
    }
}
