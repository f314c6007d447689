//! The ids of the calls of a conversation.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::Message;

/// A hash of an id, by FNV-1a. It is the same in every process, so that a replayed run gives its
/// calls the same ids. If two ids have the same hash, the second call just gets another id. So it
/// need not resist a model that looks for such ids, and it may be a fast one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IdHash(u64);

impl IdHash {
    pub(super) fn of(id: &str) -> Self {
        let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(id.bytes().fold(0xcbf2_9ce4_8422_2325, add))
    }
}

/// Knows which ids are taken, without a search through all messages. It follows from the messages,
/// so it is neither saved nor compared. Clones share it until one of them changes.
#[derive(Clone, Debug, Default)]
pub(super) struct CallIds(Arc<Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    calls: BTreeSet<IdHash>,
    numbers: Numbers,
}

/// For each id without its number: the smallest number that may be free.
pub(super) type Numbers = HashMap<String, u32>;

impl CallIds {
    pub(super) fn of(messages: &[Message]) -> Self {
        let calls = messages.iter().flat_map(Message::tool_calls).map(|call| IdHash::of(&call.id)).collect();
        Self(Arc::new(Known { calls, numbers: Numbers::new() }))
    }

    /// Adds the calls of a reply, and the numbers that were found while it was sanitized.
    pub(super) fn extend(&mut self, calls: Vec<IdHash>, numbers: Numbers) {
        if !calls.is_empty() {
            let known = Arc::make_mut(&mut self.0);
            known.calls.extend(calls);
            known.numbers.extend(numbers);
        }
    }

    pub(super) fn has(&self, id: IdHash) -> bool {
        self.0.calls.contains(&id)
    }

    /// The smallest number that may be free after this stem.
    pub(super) fn number(&self, stem: &str) -> u32 {
        self.0.numbers.get(stem).copied().unwrap_or(2)
    }
}

impl PartialEq for CallIds {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
