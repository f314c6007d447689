//! Decisions of people about calls of a turn that goes on.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use crate::{
    Call, Change, PendingApproval, ToolCall, ToolTurn, Work,
    conversation::{InvalidChange, Slot, State, approvals::slot_with},
};

impl ToolTurn<'_> {
    /// Applies the decision of a person about a call that waits, while the turn goes on. `id` is the
    /// id of the conversation with the call: that of the turn, or one that was delegated from it and
    /// is not driven now. `decision` is [`Change::Approved`] or [`Change::Denied`].
    ///
    /// After all decisions that are there, [`take_work`](Self::take_work) returns what may start
    /// now: approved calls, conversations that can go on, and calls that waited for denied ones.
    /// Fails if the call does not wait any more; then nothing has changed.
    pub fn decide(&mut self, id: &str, decision: Change) -> Result<(), InvalidChange> {
        let why = "it is no decision about a call of this turn".to_owned();
        let invalid = InvalidChange { conversation: id.to_owned(), why };
        let (own, _) = self.decided_calls(id, &decision).ok_or(invalid)?;
        self.conversation.apply(id, decision)?;
        self.decided.insert(own);
        Ok(())
    }

    /// What may start now that decisions were made about these calls, or within their conversations.
    pub(super) fn work_after_decisions(&mut self, calls: BTreeSet<String>) -> Vec<Work> {
        match self.conversation.is_plan() {
            true => self.next_steps(calls),
            false => calls.iter().filter_map(|call| self.work_after_decision(call)).collect(),
        }
    }

    fn work_after_decision(&mut self, call: &str) -> Option<Work> {
        if self.conversation.is_detached(call) {
            let slot = self.conversation.slot_of(call).filter(|slot| self.can_go_on(slot))?;
            return slot.work(0, self.conversation);
        }
        // If this was the last call, the results are in the conversation.
        let place = self.conversation.slots.find(call)?;
        let slot = &self.conversation.slots[place];
        match slot.is_settled() {
            true => self.next_of_key(place),
            false => self.can_go_on(slot).then(|| slot.work(place, self.conversation)).flatten(),
        }
    }

    /// Whether the work of a call is more than to wait.
    fn can_go_on(&self, slot: &Slot) -> bool {
        match &slot.state {
            State::Delegated(child) => !child.only_waits(self.rules),
            _ => true,
        }
    }

    /// The calls that wait for a person, or whose conversations do, and that the turn does not work
    /// on.
    pub(crate) fn resting(&self) -> Vec<Arc<ToolCall>> {
        let may_rest = |slot: &&Slot| matches!(slot.state, State::Waiting { .. } | State::Delegated(_));
        let mut slots = self.conversation.all_slots().filter(may_rest).peekable();
        // Usually there is none.
        if slots.peek().is_none() {
            return Vec::new();
        }
        let later = self.later.values().flatten();
        let work: HashSet<&str> = self.work.iter().chain(later).map(Work::id).collect();
        slots.filter(|slot| !work.contains(&*slot.call.id)).map(|slot| slot.call.clone()).collect()
    }

    /// Whether this call waits for a person, or its conversation does, after work on it has ended.
    pub(crate) fn rests(&self, call: &str) -> bool {
        let slot = self.conversation.slot_of(call);
        slot.is_some_and(|slot| match &slot.state {
            State::Waiting { .. } => true,
            State::Delegated(child) => child.only_waits(self.rules),
            _ => false,
        })
    }

    /// What waits for a person in this call, or in its conversation.
    pub(crate) fn waiting_in(&self, call: &str) -> Vec<PendingApproval> {
        self.conversation.slot_of(call).map(|slot| self.conversation.waiting_in(slot)).unwrap_or_default()
    }

    /// The id of the call of this turn that a decision is about or within, and the call that it is
    /// about.
    pub(crate) fn decided_calls(&self, id: &str, decision: &Change) -> Option<(String, Call)> {
        let (Change::Approved { call } | Change::Denied { call, .. }) = decision else { return None };
        let own = slot_with(self.conversation.id(), &[id, "/", call].concat())?.to_owned();
        let conversation = self.conversation.within(id)?;
        let place = conversation.slots.find(call).unwrap_or_default();
        Some((own, conversation.slot_of(call)?.as_call(place, conversation)))
    }
}
