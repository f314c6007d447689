//! A conversation read from JSON is checked, so that every one in memory is valid.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Conversation, Slot};
use crate::{Kind, Message, Role, StopReason};

/// A conversation that was read and breaks a rule the API holds histories to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid conversation: {0}")]
pub struct InvalidConversation(String);

// `Self::serialize` and `Self::deserialize` are what serde derives (`remote = "Self"`); these put the
// check behind the latter.
impl Serialize for Conversation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Conversation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Self::deserialize(deserializer)?;
        check(&read.messages, &read.slots, read.stop.as_ref())
            .map_err(|error| D::Error::custom(InvalidConversation(error)))?;
        Ok(read)
    }
}

/// Each call has exactly one result, in call order and first in the next user message; those of the
/// replies at the end are the open ones.
fn check(messages: &[Message], slots: &[Slot], stop: Option<&StopReason>) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let ids = message.content().iter().filter_map(|block| match block.kind() {
            Kind::ToolResult { tool_use_id, .. } => Some(tool_use_id.as_str()),
            _ => None,
        });
        let answered: Vec<&str> = ids.collect();
        if message.role() == Role::Assistant {
            open.extend(message.tool_calls().map(|call| call.id.as_str()));
        } else if answered != open {
            return Err(format!("message {place} answers the calls {answered:?}, but open are {open:?}"));
        } else {
            open.clear();
        }
    }
    let slots: Vec<&str> = slots.iter().map(|slot| slot.call.id.as_str()).collect();
    if slots != open {
        return Err(format!("its open calls are {slots:?}, but the messages leave open {open:?}"));
    }
    let last_is_reply = messages.last().is_some_and(|message| message.role() == Role::Assistant);
    match last_is_reply == stop.is_some() {
        true => Ok(()),
        false => Err("a stop reason stands exactly where the last message is a reply".to_owned()),
    }
}
