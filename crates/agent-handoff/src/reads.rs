//! What the next agent reads.

use std::{fmt, sync::Arc};

use agent_core::{Block, Conversation, Kind, Message, Role, in_pairs};

/// What the agent that takes over reads of the history before it did; what comes after, it reads as it
/// is. The record keeps everything; this is a view.
#[derive(Clone, Default)]
pub enum Reads {
    /// All but the handoffs' own calls and results.
    #[default]
    WithoutHandoffs,
    /// All of it.
    Everything,
    /// The words only, without any tool's calls and results.
    WithoutTools,
    /// What was said in the last so many turns of the user, without the handoffs' own blocks; at least
    /// one.
    LastTurns(usize),
    /// What a function makes of it; see [`Reads::by`].
    By(Arc<Filter>),
}

type Filter = dyn Fn(&[Message]) -> Vec<Message> + Send + Sync;

impl Reads {
    /// What `filter` makes of the messages. A call whose result it drops, and a result whose call it
    /// drops, are dropped too, so that the API accepts the rest.
    pub fn by(filter: impl Fn(&[Message]) -> Vec<Message> + Send + Sync + 'static) -> Self {
        Self::By(Arc::new(filter))
    }

    /// What is read of the messages from before the handoff.
    pub(crate) fn view(&self, conversation: &Conversation, messages: &[Message]) -> Vec<Message> {
        let viewed = match self {
            Self::Everything => messages.to_vec(),
            Self::WithoutHandoffs => without_handoffs(conversation, messages),
            Self::WithoutTools => kept(messages, |block| !block.is_tool_block()),
            Self::LastTurns(turns) => without_handoffs(conversation, last_turns(messages, *turns)),
            Self::By(filter) => filter(messages),
        };
        let mut view = in_pairs(viewed);
        // What is left may end with words of the agent that handed over; models refuse to go on from
        // words that seem to be their own.
        if view.last().is_some_and(|message| message.role() == Role::Assistant) {
            view.push(Message::user("(The conversation was handed over here.)"));
        }
        view
    }
}

/// The messages without the calls by which the conversation changed hands, and their results.
fn without_handoffs(conversation: &Conversation, messages: &[Message]) -> Vec<Message> {
    let about_to = conversation.passage();
    let passages = conversation.passages().iter().chain(&about_to);
    let ids: Vec<&str> = passages.filter_map(|passage| Some(passage.call.as_ref()?.id.as_str())).collect();
    kept(messages, |block| match block.kind() {
        Kind::ToolUse(call) => !ids.contains(&call.id.as_str()),
        Kind::ToolResult { tool_use_id, .. } => !ids.contains(&tool_use_id.as_str()),
        _ => true,
    })
}

fn kept(messages: &[Message], keep: impl Fn(&Block) -> bool) -> Vec<Message> {
    let kept = messages.iter().map(|message| {
        let blocks: Vec<Block> = message.content().iter().filter(|block| keep(block)).cloned().collect();
        Message::new(message.role(), blocks)
    });
    kept.filter(|message| !message.content().is_empty()).collect()
}

/// From the last so many messages in which the user said something.
fn last_turns(messages: &[Message], turns: usize) -> &[Message] {
    let said = |message: &Message| message.role() == Role::User && !message.text().is_empty();
    let places = messages.iter().enumerate().rev().filter(|(_, message)| said(message));
    let start = places.take(turns.max(1)).last().map_or(0, |(place, _)| place);
    &messages[start..]
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutHandoffs => f.write_str("WithoutHandoffs"),
            Self::Everything => f.write_str("Everything"),
            Self::WithoutTools => f.write_str("WithoutTools"),
            Self::LastTurns(turns) => write!(f, "LastTurns({turns})"),
            Self::By(_) => f.write_str("By(…)"),
        }
    }
}
