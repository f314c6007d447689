//! The rules for the deltas of one reply.

use std::collections::BTreeSet;

use agent_core::{Delta, model::DeltaValidator};

use super::mismatch::{Checked, Mismatch, must};

/// Checks the order of deltas. Beyond [`DeltaValidator`], one block is open at a time: who listens
/// may take a block as complete when the next one begins.
#[derive(Default)]
pub(super) struct DeltaRules {
    validator: DeltaValidator,
    /// The block that grows.
    open: Option<usize>,
    /// The blocks that have ended: by their end, or because another one began.
    ended: BTreeSet<usize>,
}

impl DeltaRules {
    /// Checks the next delta.
    pub(super) fn push(&mut self, delta: &Delta) -> Checked {
        let makes_a_reply = |error: agent_core::LlmError| Mismatch::new("deltas that make a reply", error);
        self.validator.push(delta).map_err(makes_a_reply)?;
        match delta {
            Delta::Block { index, .. } | Delta::Piece { index, .. } => self.grow(*index),
            Delta::BlockEnd { index } => self.end(*index),
            Delta::Restarted { .. } => {
                (self.open, self.ended) = Default::default();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn grow(&mut self, index: usize) -> Checked {
        let again = || format!("more of block {index}, which had ended");
        must(!self.ended.contains(&index), || Mismatch::new("one open block at a time", again()))?;
        let before = self.open.replace(index).filter(|before| *before != index);
        self.ended.extend(before);
        Ok(())
    }

    fn end(&mut self, index: usize) -> Checked {
        let is_open = self.open == Some(index);
        must(is_open, || {
            Mismatch::new("an end of the open block", format!("an end of block {index}, which is not open"))
        })?;
        self.open = None;
        self.ended.insert(index);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{StopReason, model::Piece};
    use serde_json::json;

    use super::*;

    fn check(deltas: impl IntoIterator<Item = Delta>, expected: Result<(), &str>) {
        let mut rules = DeltaRules::default();
        let got = deltas.into_iter().try_for_each(|delta| rules.push(&delta));
        assert_eq!(got.map_err(|mismatch| mismatch.got), expected.map_err(str::to_owned));
    }

    #[test]
    fn one_block_is_open_at_a_time() {
        let call = |index| Delta::call(index, "a", "f", json!({}));
        let input = |index| Delta::Piece { index, piece: Piece::Input("{}".to_owned()) };
        let end = |index| Delta::BlockEnd { index };
        let (words, stop) = (|| Delta::words(0, "hi"), || Delta::stop(StopReason::EndTurn));
        check([words(), words(), call(1), input(1), stop()], Ok(()));
        check([words(), end(0), call(3), input(3), end(3), stop()], Ok(()));
        check([words(), Delta::Restarted { reason: String::new() }, words(), stop()], Ok(()));
        check([call(0), call(1), input(0)], Err("more of block 0, which had ended"));
        check([words(), end(0), words()], Err("more of block 0, which had ended"));
        check([call(0), call(1), end(0)], Err("an end of block 0, which is not open"));
        check([end(0)], Err("an end of block 0, which is not open"));
        check([call(0), call(0)], Err("the reply can't be read: block 0 began twice"));
    }
}
