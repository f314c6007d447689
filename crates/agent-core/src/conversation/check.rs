//! Checks conversations that are read from JSON, so that every conversation in memory is valid.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{CallIds, Conversation, Omission, OmissionReason, State};
use crate::{Block, BlockKind, Message, Role};

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
        Ok(read)
    }
}

/// Checks what is always true for conversations that were never serialized.
fn check(conversation: &Conversation) -> Result<(), String> {
    let Conversation { messages, slots, stop, .. } = conversation;
    let open = open_calls(messages)?;
    let slot_ids: Vec<&str> = slots.iter().map(|slot| slot.call.id.as_str()).collect();
    if slot_ids != open {
        return Err(format!("its open calls are {slot_ids:?}, but the messages leave open {open:?}"));
    }
    if let Some(part) =
        conversation.omissions.iter().find(|part| part.from >= part.to || part.to > messages.len())
    {
        return Err(format!(
            "it leaves out the messages {} to {}, but has only {}",
            part.from,
            part.to,
            messages.len()
        ));
    }
    if let Some(part) = conversation.omissions.iter().find(|part| !has_its_summary(conversation, part)) {
        return Err(format!("the messages {} to {} are compacted, but have no summary", part.from, part.to));
    }
    let last_is_reply = messages.last().is_some_and(|message| message.role() == Role::Assistant)
        && !conversation.is_taken_back(messages.len() - 1);
    if last_is_reply != stop.is_some() {
        return Err(match last_is_reply {
            true => "its last message is a reply, but it has no stop reason".to_owned(),
            false => "it has a stop reason, but its last message is not a reply".to_owned(),
        });
    }
    for slot in slots.iter() {
        let State::Delegated(child) = &slot.state else { continue };
        if *child.id != conversation.key(slot) || Some(child.depth) != conversation.depth.checked_add(1) {
            return Err(format!("{:?} is not the conversation of call {:?}", child.id, slot.call.id));
        }
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

/// Checks that each call has its own id and exactly one result, in call order and first in the next
/// user message. Returns the ids of the calls that are still open.
fn open_calls(messages: &[Message]) -> Result<Vec<&str>, String> {
    let mut all = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let calls: Vec<&str> = message.tool_calls().map(|call| call.id.as_str()).collect();
        if let Some(id) = calls.iter().find(|id| !all.insert(**id)) {
            return Err(format!("message {place} repeats the call id {id:?}"));
        }
        let results: Vec<Option<&str>> = message.content().iter().map(answers).collect();
        let first = results.iter().take_while(|result| result.is_some()).flatten().copied();
        match (message.role(), results.iter().flatten().count(), first.collect::<Vec<_>>()) {
            (Role::Assistant, 0, _) => open.extend(calls),
            (Role::Assistant, ..) => return Err(format!("message {place} is a reply, but has tool results")),
            _ if !calls.is_empty() => {
                return Err(format!("message {place} has tool calls, but is not a reply"));
            }
            (_, count, first) if first == open && count == first.len() => open.clear(),
            (_, _, first) => {
                return Err(format!(
                    "message {place} must begin with the results of the calls {open:?}, but begins with those of {first:?}"
                ));
            }
        }
    }
    match messages.first().map(Message::role) {
        Some(Role::Assistant) => Err("it begins with a reply".to_owned()),
        _ => Ok(open),
    }
}

/// The id of the call whose result this block is.
fn answers(block: &Block) -> Option<&str> {
    match block.kind() {
        BlockKind::ToolResult { tool_use_id, .. } => Some(tool_use_id),
        _ => None,
    }
}
