//! The tools' turn.

use std::fmt;

use super::{Conversation, Slot, State};
use crate::{Call, Done, Outcome, Rules, Work};

/// The tools' turn: the work that may start now, and where each piece is recorded as it ends.
pub struct ToolTurn<'a> {
    conversation: &'a mut Conversation,
    rules: &'a dyn Rules,
    work: Vec<Work>,
    /// What waits for calls of the same key, in call order.
    later: Vec<(String, Work)>,
}

impl<'a> ToolTurn<'a> {
    pub(super) fn new(
        conversation: &'a mut Conversation,
        rules: &'a dyn Rules,
        work: Vec<Work>,
        later: Vec<(String, Work)>,
    ) -> Self {
        Self { conversation, rules, work, later }
    }

    /// The conversation, as far as it has come.
    pub fn conversation(&self) -> &Conversation {
        self.conversation
    }

    /// What may start now, in call order; never empty.
    pub fn work(&self) -> &[Work] {
        &self.work
    }

    /// The same, to be done by whoever takes it; then [`work`](Self::work) has no more of it.
    pub fn take_work(&mut self) -> Vec<Work> {
        std::mem::take(&mut self.work)
    }

    /// What an outcome comes to under the rules: some are refused, with words the model reads.
    pub fn admit(&self, id: &str, outcome: Outcome) -> Outcome {
        let conversation = &*self.conversation;
        debug_assert!(
            conversation.slots.iter().any(|slot| slot.call.id == id),
            "{id:?} is none of its calls"
        );
        conversation.admit(outcome, self.rules)
    }

    /// Records what a call led to, in any order; gives back what may start because of it: what is still
    /// to do for that call, or, if it is done, the next call of its key. With the last result in, the user
    /// message with all of them stands in the conversation.
    ///
    /// # Panics
    /// If the call is none of this turn's, or has its result already: a bug of the host.
    pub fn record(&mut self, id: &str, done: Done) -> Option<Work> {
        let done = Done { outcome: self.admit(id, done.outcome), usage: done.usage };
        let place = self.place(id);
        self.conversation.record(place, done);
        let slot = &self.conversation.slots[place];
        let more = match slot.state {
            State::Delegated(_) => slot.work(self.conversation),
            _ if slot.is_settled() => self.next_of_key(place),
            _ => None,
        };
        self.conversation.append_results_if_done();
        more
    }

    /// The next call that waits for the one in this place.
    fn next_of_key(&mut self, place: usize) -> Option<Work> {
        let call = &self.conversation.slots[place].call;
        let spec = self.rules.spec(&self.conversation.agent, &call.name)?;
        let key = spec.exclusive_by.as_ref()?.key(&call.input)?;
        let next = self.later.iter().position(|(other, _)| *other == key)?;
        Some(self.later.remove(next).1)
    }

    /// The call of this id as a piece of work.
    pub(crate) fn call(&self, id: &str) -> Call {
        self.conversation.slots[self.place(id)].as_call(self.conversation)
    }

    /// The place of an open call among those of its reply.
    pub(crate) fn place(&self, id: &str) -> usize {
        let open = |slot: &Slot| slot.call.id == id && !slot.is_done();
        let place = self.conversation.slots.iter().position(open);
        place.unwrap_or_else(|| panic!("call {id:?} is not open in this turn"))
    }

    /// Keeps how far a delegated conversation has come, for a later run to go on with.
    pub fn keep(&mut self, id: &str, conversation: Box<Conversation>) {
        let slot = self.conversation.slots.iter_mut().find(|slot| slot.call.id == id);
        if let Some(State::Delegated(child)) = slot.map(|slot| &mut slot.state) {
            *child = conversation;
        }
    }
}

impl fmt::Debug for ToolTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolTurn").field("work", &self.work).finish_non_exhaustive()
    }
}
