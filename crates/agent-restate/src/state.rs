//! A conversation in the state of its object: each message by itself, since messages are only ever appended, and the rest.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use agent_core::Conversation;
use futures::future::BoxFuture;
use restate_sdk::{
    context::{ContextReadState, ContextWriteState, ObjectContext, SharedObjectContext},
    errors::TerminalError,
    serde::Json,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::payload::{CONVERSATION, room, size};

const HEAD: &str = "conversation";
const MESSAGES: &str = "messages";

/// All of a conversation but its messages, and how many these are.
#[derive(Serialize, Deserialize)]
struct Head {
    messages: usize,
    rest: Fields,
}

/// Fields of JSON, each as it was written.
type Fields = BTreeMap<String, Box<RawValue>>;

/// Writes a conversation as far as it is not written yet.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    messages: AtomicUsize,
}

/// Defines a function that reads the conversation of the object of such a context, with what writes what comes of it.
macro_rules! read {
    ($read:ident, $context:ident) => {
        pub(crate) fn $read<'a, 'ctx: 'a>(
            ctx: &'a $context<'ctx>,
        ) -> BoxFuture<'a, Result<Option<(Conversation, Writer)>, TerminalError>> {
            Box::pin(async move {
                let Some(Json(head)) = ctx.get::<Json<Head>>(HEAD).await? else { return Ok(None) };
                let mut messages = Vec::with_capacity(head.messages);
                for place in 0..head.messages {
                    let message = ctx.get::<Json<Box<RawValue>>>(key(place)).await?;
                    messages.push(message.ok_or_else(|| broken("a message is missing"))?.0);
                }
                let written = messages.len().into();
                Ok(Some((head.with(&messages).map_err(broken)?, Writer { messages: written })))
            })
        }
    };
}

read!(read, ObjectContext);
read!(read_shared, SharedObjectContext);

impl Head {
    /// With how many bytes the state of this conversation may come to: the engine gives it to a handler in one piece. What is
    /// under way counts twice, as it is told again of what waits.
    fn of(conversation: &Conversation) -> serde_json::Result<(Self, usize)> {
        let text = serde_json::to_string(conversation)?;
        let mut rest: Fields = serde_json::from_str(&text)?;
        rest.remove(MESSAGES);
        let head = Self { messages: conversation.messages().len(), rest };
        let bytes = text.len() + size(&head);
        Ok((head, bytes))
    }

    fn with(mut self, messages: &[Box<RawValue>]) -> serde_json::Result<Conversation> {
        self.rest.insert(MESSAGES.to_owned(), RawValue::from_string(serde_json::to_string(messages)?)?);
        serde_json::from_str(&serde_json::to_string(&self.rest)?)
    }
}

impl Writer {
    /// Writes what is new, and says how many bytes there is room for beside it. Nothing is awaited: what is sent is in order,
    /// and counts with whatever is awaited next.
    pub(crate) fn write(
        &self,
        ctx: &ObjectContext<'_>,
        conversation: &Conversation,
    ) -> Result<usize, TerminalError> {
        let (head, bytes) = Head::of(conversation).map_err(broken)?;
        let room = room(CONVERSATION, "the conversation", bytes)?;
        let messages = conversation.messages();
        let written = self.messages.load(Ordering::Relaxed);
        for (place, message) in messages.iter().enumerate().skip(written) {
            ctx.set(key(place), Json(message.clone()));
        }
        self.messages.store(messages.len(), Ordering::Relaxed);
        ctx.set(HEAD, Json(head));
        Ok(room)
    }
}

fn broken(why: impl ToString) -> TerminalError {
    TerminalError::new(format!("the state of the session is not a conversation: {}", why.to_string()))
}

/// The key of the message in this place. The SDK wants keys that outlive the handler, so they are kept for good: as many as
/// the longest conversation has messages.
fn key(place: usize) -> &'static str {
    static KEYS: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    while keys.len() <= place {
        let key = format!("message {}", keys.len());
        keys.push(key.leak());
    }
    keys[place]
}

#[cfg(test)]
mod tests {
    use agent_core::{Block, Conversation, Response, StopReason, conversation::Change};
    use serde_json::value::RawValue;

    use super::{Head, key};

    #[test]
    fn a_conversation_comes_back_as_the_same_text() {
        let mut conversation = Conversation::start("clerk", "Pay.").with_id("c");
        let input =
            RawValue::from_string(r#"{"z":123456789012345678901234567890,"a":1.0}"#.to_owned()).unwrap();
        let call = Block::tool_use("1", "pay", input);
        conversation.apply("c", Change::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
        let head = serde_json::to_string(&Head::of(&conversation).unwrap().0).unwrap();
        assert!(!head.contains("Pay."), "{head}");
        let messages = conversation
            .messages()
            .iter()
            .map(|message| RawValue::from_string(serde_json::to_string(message).unwrap()).unwrap());
        let head: Head = serde_json::from_str(&head).unwrap();
        let back = head.with(&messages.collect::<Vec<_>>()).unwrap();
        let text = |conversation: &Conversation| serde_json::to_string(conversation).unwrap();
        assert_eq!(text(&back), text(&conversation));
    }

    #[test]
    fn keys_are_kept_and_not_made_again() {
        assert_eq!([key(2), key(0)], ["message 2", "message 0"]);
        assert!(std::ptr::eq(key(2), key(2)));
    }
}
