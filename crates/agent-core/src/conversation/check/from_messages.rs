//! Conversations from messages that were kept elsewhere.

use std::sync::Arc;

use super::history::{HistoryFault, InvalidHistory, answers, open_calls};
use crate::{
    Block, Conversation, Message, Role, StopReason, ToolCall,
    conversation::{
        CallIds, Slots,
        sanitize::{is_object, is_valid, is_valid_name},
    },
};

impl Conversation {
    /// Makes a conversation with this agent from messages that were kept elsewhere, for example in
    /// your own database. They are messages of the Messages API, in the role `user`, `assistant` or
    /// `system`. Read them from JSON with serde: `serde_json::from_str::<Vec<Message>>(…)`.
    ///
    /// The last message decides who goes on:
    ///
    /// - After a message of the user, instructions, or tool results, it is the model's turn.
    /// - After a reply with tool calls, it is the tools' turn: the next run makes these calls. If
    ///   they may have been made elsewhere, add their results first. Or
    ///   [`say`](Self::say) something, which closes them with error results.
    /// - After a reply without calls, it is the user's turn.
    ///
    /// All replies count as this agent's. Turns, transfers and usage begin at 0. Give the
    /// conversation an id of its own with [`with_id`](Self::with_id).
    ///
    /// It fails if the API would refuse the messages: if the first message is a reply, an id of a
    /// call is used twice or not valid, or the results of a reply's calls are not the first blocks
    /// of the next message. Only the order of the results may differ from that of the calls; then
    /// they are put into that order.
    ///
    /// ```
    /// use agent_core::{Conversation, Message};
    ///
    /// let kept = r#"[
    ///     {"role": "user", "content": "Is it raining in Oslo?"},
    ///     {"role": "assistant", "content": [{"type": "text", "text": "It is."}]},
    ///     {"role": "user", "content": "And in Bergen?"}
    /// ]"#;
    /// let messages: Vec<Message> = serde_json::from_str(kept)?;
    /// let conversation = Conversation::from_messages("weather", messages.clone())?;
    /// assert_eq!(conversation.messages(), messages);
    ///
    /// let error = Conversation::from_messages("weather", messages[1..].to_vec()).unwrap_err();
    /// assert_eq!(error.to_string(), "message 0 is a reply, but the user speaks first");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_messages(
        agent: impl Into<Arc<str>>,
        messages: impl IntoIterator<Item = Message>,
    ) -> Result<Self, InvalidHistory> {
        let mut conversation = Self::new(agent);
        for message in messages {
            let message = in_call_order(message, conversation.messages.last());
            check_parts(&message)
                .map_err(|why| InvalidHistory { message: conversation.messages.len(), why })?;
            conversation.messages.push(message);
        }
        let messages = &conversation.messages;
        let open = open_calls(messages)?;
        let calls = messages.iter().flat_map(Message::tool_calls);
        let is_open = |call: &&Arc<ToolCall>| open.contains(&call.id.as_str());
        conversation.slots = Slots::of(calls.filter(is_open).cloned());
        conversation.call_ids = CallIds::of(messages);
        let says = |block: &Block| !block.is_tool_block();
        let is_said = |message: &Message| message.role() == Role::User && message.content().iter().any(says);
        conversation.said_at = messages.iter().rposition(is_said).unwrap_or(0);
        let is_reply = messages.last().is_some_and(|message| message.role() == Role::Assistant);
        conversation.stop = is_reply.then(|| match conversation.slots.is_empty() {
            true => StopReason::EndTurn,
            false => StopReason::ToolUse,
        });
        Ok(conversation)
    }
}

/// The message with the results at its beginning in the order of the calls of the reply before.
fn in_call_order(message: Message, before: Option<&Message>) -> Message {
    let results = message.content().iter().take_while(|block| block.is_tool_result()).count();
    let Some(before) = before.filter(|_| results > 1) else { return message };
    let place = |block: &Block| before.tool_calls().position(|call| Some(&*call.id) == answers(block));
    let (first, rest) = message.content().split_at(results);
    let Some(places) = first.iter().map(place).collect::<Option<Vec<usize>>>() else { return message };
    let mut first: Vec<(usize, Block)> = places.into_iter().zip(first.iter().cloned()).collect();
    first.sort_by_key(|(place, _)| *place);
    let blocks = first.into_iter().map(|(_, block)| block).chain(rest.iter().cloned());
    message.with_content(blocks.collect::<Vec<Block>>())
}

/// Checks what can be seen in one message.
fn check_parts(message: &Message) -> Result<(), HistoryFault> {
    if message.role() == Role::System && message.tool_results().next().is_some() {
        return Err(HistoryFault::ResultsOutsideUser);
    }
    for call in message.tool_calls() {
        if !is_valid(&call.id) {
            return Err(HistoryFault::InvalidId(call.id.clone()));
        }
        if !is_valid_name(&call.name) {
            return Err(HistoryFault::InvalidName(call.name.clone()));
        }
        if !is_object(&call.input) {
            return Err(HistoryFault::InvalidInput(call.id.clone()));
        }
    }
    Ok(())
}
