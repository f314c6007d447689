//! Which ids the calls of a conversation have.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use crate::Message;

/// What an id is known by: the same number for the same id in every process, so that a run that is
/// replayed gives its calls the same ids. Should two ids have one number, the second call gets
/// another id, which harms nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IdHash(u64);

impl IdHash {
    pub(super) fn of(id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Tells whether an id is new without looking at the messages, of which there may be thousands. It
/// follows from them, so it is neither written nor compared. Clones share it until one of them goes
/// on.
#[derive(Clone, Debug, Default)]
pub(super) struct CallIds(Arc<Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    calls: BTreeSet<IdHash>,
    numbers: Numbers,
}

/// By what stands before the number: all ids with a number below this one are taken.
pub(super) type Numbers = HashMap<String, u32>;

impl CallIds {
    pub(super) fn of(messages: &[Message]) -> Self {
        let calls = messages.iter().flat_map(Message::tool_calls).map(|call| IdHash::of(&call.id)).collect();
        Self(Arc::new(Known { calls, numbers: Numbers::new() }))
    }

    /// The calls of one more reply, and the numbers that were found while it was sanitized.
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

    /// The first number that may be free behind these words.
    pub(super) fn number(&self, stem: &str) -> u32 {
        self.0.numbers.get(stem).copied().unwrap_or(2)
    }
}

impl PartialEq for CallIds {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
