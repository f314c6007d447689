//! The tools' turn.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
};

use super::{Conversation, State};
use crate::{Call, Done, Outcome, Rules, Work};

/// The tools' turn: the work that may start now, and where each piece is recorded as it ends.
pub struct ToolTurn<'a> {
    conversation: &'a mut Conversation,
    rules: &'a dyn Rules,
    work: Vec<Work>,
    /// What waits for calls of the same key, in call order.
    later: HashMap<String, VecDeque<Work>>,
}

impl<'a> ToolTurn<'a> {
    pub(super) fn new(
        conversation: &'a mut Conversation,
        rules: &'a dyn Rules,
        work: Vec<Work>,
        later: Vec<(String, Work)>,
    ) -> Self {
        let mut by_key: HashMap<String, VecDeque<Work>> = HashMap::new();
        later.into_iter().for_each(|(key, work)| by_key.entry(key).or_default().push_back(work));
        Self { conversation, rules, work, later: by_key }
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
        debug_assert!(conversation.slots.find(id).is_some(), "{id:?} is none of its calls");
        conversation.admit(outcome, self.rules)
    }

    /// Records what a call led to, in any order; gives back what may start because of it: what is
    /// still to do for that call, or, if it is done, the next call of its key. With the last result
    /// in, the user message with all of them stands in the conversation.
    ///
    /// # Panics
    /// If the call is none of this turn's, or has its result already: a bug of the host.
    pub fn record(&mut self, id: &str, done: Done) -> Option<Work> {
        let done = Done { outcome: self.admit(id, done.outcome), usage: done.usage };
        self.record_admitted(id, done)
    }

    /// The same with an outcome that is under the rules already.
    pub(crate) fn record_admitted(&mut self, id: &str, done: Done) -> Option<Work> {
        let place = self.place(id);
        self.conversation.record(place, done);
        let slot = &self.conversation.slots[place];
        let more = match slot.state {
            State::Delegated(_) => slot.work(place, self.conversation),
            _ if slot.is_settled() => self.next_of_key(place),
            _ => None,
        };
        self.conversation.append_results_if_done();
        more
    }

    /// The next call that waits for the one in this place.
    fn next_of_key(&mut self, place: usize) -> Option<Work> {
        if self.later.is_empty() {
            return None;
        }
        let call = &self.conversation.slots[place].call;
        let spec = self.rules.spec(&self.conversation.agent, &call.name)?;
        let key = spec.exclusive_by.as_ref()?.key(&call.input)?;
        self.later.get_mut(&key)?.pop_front()
    }

    /// The call of this id as a piece of work.
    pub(crate) fn call(&self, id: &str) -> Call {
        let place = self.place(id);
        self.conversation.slots[place].as_call(place, self.conversation)
    }

    /// The place of an open call among those of its reply.
    pub(crate) fn place(&self, id: &str) -> usize {
        let slots = &self.conversation.slots;
        let place = slots.find(id).filter(|place| !slots[*place].is_done());
        place.unwrap_or_else(|| panic!("call {id:?} is not open in this turn"))
    }

    /// Keeps how far a delegated conversation has come, for a later run to go on with.
    pub fn keep(&mut self, id: &str, conversation: Box<Conversation>) {
        let Some(place) = self.conversation.slots.find(id) else { return };
        if let State::Delegated(child) = &mut self.conversation.slots[place].state {
            *child = conversation;
        }
    }
}

impl fmt::Debug for ToolTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolTurn").field("work", &self.work).finish_non_exhaustive()
    }
}
