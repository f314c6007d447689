//! Checks conversations that are read from JSON, so that every conversation in memory is valid.

mod from_messages;
mod history;

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{CallIds, Conversation, Omission, OmissionReason, Slot, State, planned::Planned};
use crate::{Message, Role, StopReason};

use history::open_calls;
pub use history::{HistoryFault, InvalidHistory};

/// The error for a conversation in JSON that breaks a rule of the API for histories.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid conversation: {0}")]
pub struct InvalidConversation(String);

// `Self::serialize` and `Self::deserialize` are derived by serde (`remote = "Self"`). These
// implementations add the check after reading.
impl Serialize for Conversation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Conversation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = Self::deserialize(deserializer)?;
        check(&read).map_err(|error| D::Error::custom(InvalidConversation(error)))?;
        read.call_ids = CallIds::of(&read.messages);
        read.mark_background_results();
        Ok(read)
    }
}

/// Checks what is always true for conversations that were never serialized.
fn check(conversation: &Conversation) -> Result<(), String> {
    let Conversation { messages, slots, stop, .. } = conversation;
    let open = open_calls(messages).map_err(|wrong| wrong.to_string())?;
    let slot_ids: Vec<&str> = slots.iter().map(|slot| slot.call.id.as_str()).collect();
    if slot_ids != open {
        return Err(format!("its open calls are {slot_ids:?}, but the messages leave open {open:?}"));
    }
    check_omissions(conversation)?;
    if let Some(answer) = conversation.call_answers.iter().find(|answer| answer.result(messages).is_none()) {
        return Err(format!("its messages have no result of call {:?}, which is an answer", answer.call));
    }
    let last_is_reply = messages.last().is_some_and(|message| message.role() == Role::Assistant)
        && !conversation.is_taken_back(messages.len() - 1);
    if last_is_reply != stop.is_some() {
        return Err(match last_is_reply {
            true => "its last message is a reply, but it has no stop reason".to_owned(),
            false => "it has a stop reason, but its last message is not a reply".to_owned(),
        });
    }
    if let (Some(StopReason::PauseTurn | StopReason::Compaction), Some(slot)) = (stop, slots.iter().next()) {
        // Such a reply goes on at once, and its calls are closed when it is recorded.
        return Err(format!("its last reply goes on, but call {:?} is open", slot.call.id));
    }
    check_plan(conversation)?;
    check_detached(conversation)?;
    for slot in conversation.all_slots() {
        let State::Delegated(child) = &slot.state else { continue };
        if *child.id != conversation.key(slot) || Some(child.depth) != conversation.depth.checked_add(1) {
            return Err(format!("{:?} is not the conversation of call {:?}", child.id, slot.call.id));
        }
    }
    Ok(())
}

/// Whether detached calls have their conversations, and those that have ended their results.
fn check_detached(conversation: &Conversation) -> Result<(), String> {
    let is_going_on = |slot: &&Slot| matches!(&slot.state, State::Delegated(child) if child.is_detachable());
    if let Some(slot) = conversation.detached.going_on.iter().find(|slot| !is_going_on(slot)) {
        return Err(format!("call {:?} is detached, but has no conversation", slot.call.id));
    }
    let mut ids = HashSet::new();
    let made =
        |id: &str| conversation.messages.iter().flat_map(Message::tool_calls).any(|call| call.id == id);
    for Slot { call, .. } in conversation.detached.going_on.iter().chain(&conversation.detached.untold) {
        match (made(&call.id), ids.insert(&*call.id)) {
            (true, true) => {}
            (false, _) => return Err(format!("no message makes the detached call {:?}", call.id)),
            (_, false) => return Err(format!("the detached call {:?} is there twice", call.id)),
        }
    }
    if conversation.detached.told.iter().any(|told| told.at >= conversation.messages.len()) {
        return Err("a result was told in a message that is not there".to_owned());
    }
    let has_result = |slot: &&Slot| matches!(slot.state, State::Done { .. });
    match conversation.detached.untold.iter().find(|slot| !has_result(slot)) {
        Some(slot) => Err(format!("call {:?} is to be told, but has no result", slot.call.id)),
        None => Ok(()),
    }
}

/// Whether the conversation of a plan has the calls that its plan says, and a result if all are
/// done.
fn check_plan(conversation: &Conversation) -> Result<(), String> {
    let Conversation { messages, slots, planned, .. } = conversation;
    let is_planned = |slot: &&Slot| matches!(slot.state, State::Planned);
    let Some(planned @ Planned { result, .. }) = planned else {
        let wrong =
            |slot: &Slot| Err(format!("call {:?} waits for other steps, but there is no plan", slot.call.id));
        return slots.iter().find(is_planned).map_or(Ok(()), wrong);
    };
    let plan = planned.plan();
    let calls = || messages.iter().flat_map(Message::tool_calls).map(|call| &call.id);
    if plan.as_ref().is_some_and(|plan| !calls().eq(plan.steps().iter().map(|step| &step.id))) {
        return Err("its calls are not the steps of its plan".to_owned());
    }
    if slots.is_empty() != result.is_some() || (!slots.is_empty() && slots.iter().count() != calls().count())
    {
        return Err("its plan has neither a result nor all its calls".to_owned());
    }
    match slots.iter().find(is_planned).filter(|_| plan.is_none()) {
        Some(slot) => Err(format!("call {:?} waits for other steps, but its plan has none", slot.call.id)),
        None => Ok(()),
    }
}

fn check_omissions(conversation: &Conversation) -> Result<(), String> {
    if let Some(part) = conversation
        .omissions
        .iter()
        .find(|part| part.from >= part.to || part.to > conversation.messages.len())
    {
        return Err(format!(
            "it leaves out the messages {} to {}, but has only {}",
            part.from,
            part.to,
            conversation.messages.len()
        ));
    }
    if let Some(part) = conversation.omissions.iter().find(|part| !has_its_summary(conversation, part)) {
        return Err(format!("the messages {} to {} are compacted, but have no summary", part.from, part.to));
    }
    Ok(())
}

/// Whether a compacted part, and no other, names a later reply that has its summary.
fn has_its_summary(conversation: &Conversation, part: &Omission) -> bool {
    match (part.why, part.summary) {
        (OmissionReason::Compacted, Some(reply)) => {
            part.to <= reply && conversation.summary_at(reply).is_some()
        }
        (OmissionReason::Compacted, None) => false,
        (_, summary) => summary.is_none(),
    }
}
