//! The calls of the last reply, in order, with a fast search by id.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{Hash, Hasher},
    ops::{Deref, DerefMut, Range},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Conversation, Slot, State};
use crate::ToolCall;

/// Up to this many calls, a linear search is faster than a table.
const FEW: usize = 16;

/// The calls of the last reply. There may be thousands, so finding one by its id must be fast.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    all: Vec<Slot>,
    /// Their places by id, if there are many.
    places: Option<Arc<HashMap<ById, usize>>>,
    /// All calls before this place are done.
    done: usize,
}

impl Slots {
    pub(super) fn of(calls: impl Iterator<Item = Arc<ToolCall>>) -> Self {
        calls.map(Slot::open).collect::<Vec<_>>().into()
    }

    /// Adds a call. It is for few calls, or for those that nobody looks for by id.
    pub(super) fn push(&mut self, slot: Slot) {
        self.places = None;
        self.all.push(slot);
    }

    /// The place of the call with this id.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        match &self.places {
            None => self.all.iter().position(|slot| slot.call.id == id),
            Some(places) => places.get(id).copied(),
        }
    }

    /// The places where calls may still be open.
    pub(super) fn open(&self) -> Range<usize> {
        self.done..self.all.len()
    }

    /// The places of calls that are done.
    pub(super) fn done(&self) -> Range<usize> {
        0..self.done
    }

    /// Whether all calls are done. A call that is done is not checked again.
    pub(super) fn are_done(&mut self) -> bool {
        self.done += self.all[self.done..].iter().take_while(|slot| slot.is_done()).count();
        self.done == self.all.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take(&mut self) -> Vec<Slot> {
        std::mem::take(self).all
    }
}

impl Conversation {
    /// The calls of the last reply that have no result yet, in order. After
    /// [`End::Cut`](crate::End::Cut) and [`End::Refused`](crate::End::Refused) these calls were not
    /// made, and will not be.
    pub fn open_calls(&self) -> impl Iterator<Item = &Arc<ToolCall>> {
        self.slots.iter().filter(|slot| !slot.is_done()).map(|slot| &slot.call)
    }

    /// Renames delegated conversations too, because their ids are the paths to them.
    pub(super) fn rename(&mut self, id: Arc<str>) {
        for Slot { call, state } in self.slots.iter_mut().chain(&mut self.detached.going_on) {
            if let State::Delegated(child) = state {
                child.rename(format!("{id}/{}", call.id).into());
            }
        }
        self.id = id;
    }
}

impl From<Vec<Slot>> for Slots {
    fn from(all: Vec<Slot>) -> Self {
        let places = || {
            let by_id = all.iter().enumerate().map(|(place, slot)| (ById(slot.call.clone()), place));
            Arc::new(by_id.collect())
        };
        Self { places: (all.len() > FEW).then(places), all, done: 0 }
    }
}

impl Deref for Slots {
    type Target = [Slot];

    fn deref(&self) -> &[Slot] {
        &self.all
    }
}

impl DerefMut for Slots {
    fn deref_mut(&mut self) -> &mut [Slot] {
        &mut self.all
    }
}

impl PartialEq for Slots {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Serialize for Slots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

/// A call that is hashed and compared by its id.
#[derive(Clone, Debug)]
struct ById(Arc<ToolCall>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.as_str().hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}
