//! What the next agent reads.

use std::{collections::HashSet, fmt, sync::Arc};

use agent_core::{
    Block, Conversation, Message, Role,
    agent::Rules,
    message::{BlockKind, valid_history},
};

/// What the agent that takes over reads of the messages before the handoff. It reads all messages
/// after the handoff. The conversation keeps everything: a filter only changes what is sent to the
/// model. Set it with [`Handoff::reads`](crate::Handoff::reads).
#[derive(Clone, Default)]
pub enum HistoryFilter {
    /// All messages without handoffs: the calls of handoffs and their results are left out, also
    /// those that failed and those of other agents. Notes of this library about why a conversation
    /// came back are left out, too.
    #[default]
    WithoutHandoffs,
    /// All messages, with the handoffs.
    Everything,
    /// Only what users and agents said: the calls and results of all tools are left out. Notes of
    /// this library about why a conversation came back are left out, too.
    WithoutTools,
    /// The last exchanges, this many, without the handoffs. 0 counts as 1. An exchange begins where
    /// the user says something and goes on until the user speaks again. Earlier instructions
    /// ([`Conversation::instruct`]) are also sent.
    LastTurns(usize),
    /// The messages that your own function returns. [`HistoryFilter::by`] makes it.
    By(Arc<Filter>),
}

type Filter = dyn Fn(&[Message]) -> Vec<Message> + Send + Sync;

impl HistoryFilter {
    /// Makes a filter from a function, which gets the messages before the handoff and returns those
    /// that the other agent reads. If the function keeps a call without its result, or a result
    /// without its call, that one is dropped, too, because the API refuses it.
    pub fn by(filter: impl Fn(&[Message]) -> Vec<Message> + Send + Sync + 'static) -> Self {
        Self::By(Arc::new(filter))
    }

    /// What is read of the messages from before the handoff.
    pub(crate) fn view(
        &self,
        conversation: &Conversation,
        rules: &dyn Rules,
        messages: &[Message],
    ) -> Vec<Message> {
        let viewed = match self {
            Self::Everything => messages.to_vec(),
            Self::WithoutHandoffs => without_handoffs(conversation, rules, messages),
            Self::WithoutTools => {
                let mut left = kept(messages, |block| !block.is_tool_block() && !conversation.is_note(block));
                left.retain(|message| !message.is_background_result());
                left
            }
            Self::LastTurns(turns) => last_turns(&without_handoffs(conversation, rules, messages), *turns),
            Self::By(filter) => filter(messages),
        };
        let mut view = valid_history(viewed);
        // What is left may end with words of the agent that handed over; models refuse to go on from
        // words that seem to be their own.
        if view.last().is_some_and(|message| message.role() == Role::Assistant) {
            view.push(Message::user("(The conversation was handed over here.)"));
        }
        view
    }
}

/// The messages without the calls that are handoffs, their results, and our words about those that
/// failed later.
fn without_handoffs(conversation: &Conversation, rules: &dyn Rules, messages: &[Message]) -> Vec<Message> {
    let ids = handoffs(conversation, rules);
    kept(messages, |block| match block.kind() {
        BlockKind::ToolUse(call) => !ids.contains(call.id.as_str()),
        BlockKind::ToolResult { tool_use_id, .. } => !ids.contains(tool_use_id.as_str()),
        _ => !conversation.is_note(block),
    })
}

/// The ids of the calls that are handoffs: those of a tool whose spec says so, and, for agents and
/// tools that have gone since, those of a tool by which the conversation once changed hands.
fn handoffs<'c>(conversation: &'c Conversation, rules: &dyn Rules) -> HashSet<&'c str> {
    let about_to = conversation.transfer_to_speaker();
    let transfer_records = || conversation.transfer_records().iter().chain(&about_to);
    let mut ids = HashSet::new();
    for (place, message) in conversation.messages().iter().enumerate() {
        for call in message.tool_calls() {
            let agent = conversation.agent_at(place);
            let is_handoff = rules.spec(agent, &call.name).is_some_and(|spec| spec.transfers);
            let changed_hands = || {
                transfer_records().any(|passage| {
                    let by = passage.call.as_ref().is_some_and(|by| by.name == call.name);
                    by && *passage.from == *agent
                })
            };
            if is_handoff || changed_hands() {
                ids.insert(call.id.as_str());
            }
        }
    }
    ids
}

fn kept(messages: &[Message], keep: impl Fn(&Block) -> bool) -> Vec<Message> {
    let kept = messages.iter().map(|message| {
        let blocks: Vec<Block> = message.content().iter().filter(|block| keep(block)).cloned().collect();
        message.with_content(blocks)
    });
    kept.filter(|message| !message.content().is_empty()).collect()
}

/// From the last so many messages in which the user said something, with the instructions from
/// before. What is no word of the user's has been left out but for results.
fn last_turns(messages: &[Message], turns: usize) -> Vec<Message> {
    let says = |block: &Block| !block.is_tool_block() && !block.is_blank();
    let said = |message: &Message| {
        message.role() == Role::User && !message.is_background_result() && message.content().iter().any(says)
    };
    let places = messages.iter().enumerate().rev().filter(|(_, message)| said(message));
    let start = places.take(turns.max(1)).last().map_or(0, |(place, _)| place);
    let (before, since) = messages.split_at(start);
    let instructions = before.iter().filter(|message| message.role() == Role::System);
    instructions.chain(since).cloned().collect()
}

impl fmt::Debug for HistoryFilter {
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
