//! Makes a valid history of any part of a history.

use std::collections::HashSet;

use crate::{Block, BlockKind, Message, Role};

/// Makes a history that the API accepts from any part of one. Use it after cutting or filtering
/// messages.
///
/// Calls without results, results without calls, blank blocks, and thinking at the end of a message
/// are left out. Messages of one role in a row become one message, except for those that tell
/// [background results](Message::is_background_result). Results come first in their message. The
/// history begins with a user message; if nothing is left, it is a note that says so.
pub fn valid_history(messages: Vec<Message>) -> Vec<Message> {
    let merged = merged(messages);
    let mut valid: Vec<Message> = Vec::new();
    for (place, message) in merged.iter().enumerate() {
        let has_user = || valid.iter().any(|message| message.role() == Role::User);
        if message.role() == Role::Assistant && !has_user() {
            continue;
        }
        let blocks = paired(message, valid.last(), merged.get(place + 1));
        let left = message.with_content(blocks);
        valid.extend(left.sendable().map(|left| left.into_owned()));
    }
    if valid.is_empty() {
        valid.push(Message::user("(What was said before is not shown.)"));
    }
    valid
}

/// Joins messages of one role in a row. A message that tells a background result stays alone: its
/// words are a tool's, and those around it the user's.
fn merged(messages: Vec<Message>) -> Vec<Message> {
    let mut merged: Vec<Message> = Vec::new();
    for message in messages {
        match merged.last_mut() {
            Some(last) if is_of_same(last, &message) => {
                *last = last.with_content([last.content(), message.content()].concat());
            }
            _ => merged.push(message),
        }
    }
    merged
}

fn is_of_same(message: &Message, next: &Message) -> bool {
    let is_alone = message.is_background_result() || next.is_background_result();
    message.role() == next.role() && !is_alone
}

/// The blocks of a message, without calls that the next message does not answer, and without
/// results whose call is not in the previous message. Results come first, in their order.
fn paired(message: &Message, before: Option<&Message>, next: Option<&Message>) -> Vec<Block> {
    let answered: HashSet<&str> =
        next.into_iter().flat_map(Message::tool_results).map(|(id, ..)| id).collect();
    let called = before.into_iter().flat_map(Message::tool_calls).map(|call| call.id.as_str());
    let called: HashSet<&str> = called.collect();
    let stays = |block: &&Block| match block.kind() {
        BlockKind::ToolUse(call) => answered.contains(call.id.as_str()),
        BlockKind::ToolResult { tool_use_id, .. } => called.contains(tool_use_id.as_str()),
        _ => true,
    };
    let (results, others): (Vec<Block>, Vec<Block>) =
        message.content().iter().filter(stays).cloned().partition(Block::is_tool_result);
    [results, others].concat()
}
