//! Calls that outlive their turn. The work of such a call is a conversation of its own, like that of
//! a plan. It begins in the slot of its call. When the call is detached, the slot gets a result
//! that says so, and the work moves to a list. When it has ended, the model is told the result in a
//! message of its own.

mod control;

use std::{collections::HashSet, sync::Arc};

pub use control::ControlTask;

use serde::{Deserialize, Serialize};

use super::{
    Conversation, Slot, State,
    planned::{Given, Planned},
    usage::usage_of_children,
};
use crate::{
    Block, Content, Delegation, DelegationLimits, Done, Message, Outcome, Role, StopReason, ToolCall, Work,
    message::BackgroundResult,
};

/// The detached calls of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct DetachedCalls {
    /// Those that have not ended, each with its conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) going_on: Vec<Slot>,
    /// Those that have ended, and whose results the model was not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) untold: Vec<Slot>,
    /// The messages that tell such results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) told: Vec<Told>,
}

/// A message that tells the result of a detached call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    /// The index of the message.
    pub(super) at: usize,
    call: Arc<ToolCall>,
    is_error: bool,
}

impl Told {
    fn result(&self) -> BackgroundResult {
        BackgroundResult { call: self.call.clone(), is_error: self.is_error }
    }
}

impl DetachedCalls {
    pub(super) fn is_told_at(&self, place: usize) -> bool {
        self.told.iter().any(|told| told.at == place)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Conversation {
    /// Makes the conversation of a call that may be detached.
    pub(super) fn detachable_child(&self, call: &ToolCall) -> Self {
        let block = Block::tool_use(&call.id, &call.name, call.input.clone());
        let mut child = self.given(&call.id, vec![block], DelegationLimits::default());
        child.planned = Some(Planned::of(Given::Call));
        child
    }

    /// Whether this is the conversation of a call that may be detached.
    pub(crate) fn is_detachable(&self) -> bool {
        self.planned.as_ref().is_some_and(|planned| planned.given == Given::Call)
    }

    /// Whether the call with this id is detached, and has not ended.
    pub fn is_detached(&self, call: &str) -> bool {
        self.find_detached(call).is_some()
    }

    /// The calls that are detached and have not ended, in the order in which they were detached.
    pub fn detached_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.detached.going_on.iter().map(|slot| &*slot.call)
    }

    pub(crate) fn detached_call(&self, call: &str) -> Option<&Arc<ToolCall>> {
        self.find_detached(call).map(|place| &self.detached.going_on[place].call)
    }

    /// The work of the detached calls.
    pub fn detached_work(&self) -> impl Iterator<Item = Delegation> {
        let work = self.detached.going_on.iter().filter_map(|slot| slot.work(0, self));
        work.filter_map(|work| match work {
            Work::Delegate(delegation) => Some(delegation),
            Work::Call(_) => None,
        })
    }

    fn find_detached(&self, call: &str) -> Option<usize> {
        self.detached.going_on.iter().position(|slot| slot.call.id == call)
    }

    /// The slot of a detached or open call. The slot of a detached call in the last reply only says
    /// that it is detached.
    pub(super) fn slot_of(&self, call: &str) -> Option<&Slot> {
        let detached = self.find_detached(call).map(|place| &self.detached.going_on[place]);
        detached.or_else(|| self.slots.find(call).map(|place| &self.slots[place]))
    }

    pub(super) fn slot_of_mut(&mut self, call: &str) -> Option<&mut Slot> {
        match self.find_detached(call) {
            Some(place) => Some(&mut self.detached.going_on[place]),
            None => self.slots.find(call).map(|place| &mut self.slots[place]),
        }
    }

    /// Puts back the conversation of an open or detached call.
    pub(crate) fn keep_child(&mut self, call: &str, conversation: Box<Self>) {
        if let Some(Slot { state: State::Delegated(child), .. }) = self.slot_of_mut(call) {
            *child = conversation;
        }
    }

    /// The open calls of the last reply, and all detached ones.
    pub(super) fn all_slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().chain(&self.detached.going_on)
    }

    /// Detaches the call at this place: it has a result now, and its work goes on. Returns whether
    /// that is possible.
    pub(super) fn detach(&mut self, place: usize) -> bool {
        let slot = &mut self.slots[place];
        if !matches!(&slot.state, State::Delegated(child) if child.is_detachable()) {
            return false;
        }
        let content = detached_message(&slot.call).into();
        let state = std::mem::replace(&mut slot.state, State::Done { content, is_error: false });
        let call = slot.call.clone();
        // The calls of a reply stay in their order, whichever is detached first.
        let comes_later = |other: &Slot| self.slots.find(&other.call.id).is_some_and(|other| other > place);
        let at = self.detached.going_on.iter().position(comes_later).unwrap_or(self.detached.going_on.len());
        self.detached.going_on.insert(at, Slot { call, state });
        true
    }

    /// Records the result of a detached call. The model is told it as soon as its turn comes.
    pub(super) fn record_detached(&mut self, call: &str, done: Done) -> bool {
        let Some(place) = self.find_detached(call) else { return false };
        let mut slot = self.detached.going_on.remove(place);
        self.usage += &done.usage;
        match done.outcome {
            Outcome::Output(content) => slot.finish(content, false),
            // The model has gone on. It reads the answer as a result.
            Outcome::Answer { content, cut } => slot.finish(cut.unwrap_or(content), false),
            Outcome::Error(content) => slot.finish(content, true),
            _ => slot.fail("its host gave it no result"),
        }
        self.detached.untold.push(slot);
        self.tell_detached();
        true
    }

    /// Tells the results of detached calls that have ended, each in a message of its own, unless
    /// calls of the last reply are open or the run has ended without an answer. They are told after
    /// the results of the calls, in whatever order both were recorded.
    pub(super) fn tell_detached(&mut self) {
        let is_time = matches!(self.stop, None | Some(StopReason::EndTurn | StopReason::StopSequence));
        if !is_time || !self.slots.is_empty() || self.detached.untold.is_empty() {
            return;
        }
        if self.stop.is_some() {
            // To read a result that the run waited for is no turn of the agent's own.
            self.turns = self.turns.saturating_sub(1);
        }
        self.tell_now();
        (self.stop, self.stop_details) = (None, None);
    }

    /// Tells all results that were not told.
    pub(super) fn tell_now(&mut self) {
        for slot in std::mem::take(&mut self.detached.untold) {
            let is_error = matches!(slot.state, State::Done { is_error: true, .. });
            let told = Told { at: self.messages.len(), call: slot.call.clone(), is_error };
            self.messages.push(Message::new(Role::User, text_of(slot)).into_background_result(told.result()));
            self.detached.told.push(told);
        }
    }

    /// Marks the messages that tell results, after the conversation was read.
    pub(super) fn mark_background_results(&mut self) {
        for told in &self.detached.told {
            self.messages[told.at] = self.messages[told.at].clone().into_background_result(told.result());
        }
    }

    /// The messages from this index on are taken back. Detached calls that were made in them are
    /// dropped; the models were paid all the same. Results of earlier calls that were told in them
    /// are told again.
    pub(super) fn take_back_detached(&mut self, from: usize) {
        let made: HashSet<String> =
            self.messages[from..].iter().flat_map(Message::tool_calls).map(|call| call.id.clone()).collect();
        let is_taken_back = |slot: &Slot| made.contains(&slot.call.id);
        let all = std::mem::take(&mut self.detached.going_on);
        let (dropped, left): (Vec<Slot>, Vec<Slot>) = all.into_iter().partition(is_taken_back);
        self.usage += &usage_of_children(dropped.iter());
        self.detached.going_on = left;
        self.detached.untold.retain(|slot| !is_taken_back(slot));
        let told = self.detached.told.iter().filter(|told| told.at >= from && !self.is_taken_back(told.at));
        let earlier = told.filter(|told| !made.contains(&told.call.id));
        let again: Vec<Slot> = earlier.filter_map(|told| untold(&self.messages[told.at])).collect();
        self.detached.untold.splice(0..0, again);
    }
}

/// The result of a call that was detached. It only says that the call goes on. The call's own result
/// is told [later](Message::background_result).
pub fn detached_message(ToolCall { id, name, .. }: &ToolCall) -> String {
    format!(
        "This call of {name} goes on in the background, as {id:?}. You will be told its result in a message \
         of its own. You can do other work meanwhile."
    )
}

/// A result that was told in this message, as it was before.
fn untold(message: &Message) -> Option<Slot> {
    let (call, content, is_error) = message.background_result()?;
    Some(Slot { call: call.clone(), state: State::Done { content, is_error } })
}

/// What the model is told of a detached call that has ended.
fn text_of(slot: Slot) -> Vec<Block> {
    let ToolCall { id, name, .. } = &*slot.call;
    let (content, how) = match slot.state {
        State::Done { content, is_error: false } => (content, "has ended. Its result:"),
        State::Done { content, .. } => (content, "has failed:"),
        _ => unreachable!("a detached call that is told has its result"),
    };
    let head = format!("[The background call {id:?} of {name} {how}]");
    match content {
        Content::Text(text) => vec![Block::text(format!("{head}\n{text}"))],
        Content::Blocks(blocks) => [vec![Block::text(head)], blocks].concat(),
    }
}
