//! A history the API accepts, from any part of one.

use std::collections::HashSet;

use crate::{Block, Kind, Message, Role};

/// Makes any part of a history one the API accepts: each call has its result in the next user message,
/// each result its call, results come first, nothing is blank, and a user speaks first. Calls and
/// results that lack the other are left out.
pub fn in_pairs(messages: Vec<Message>) -> Vec<Message> {
    let mut merged: Vec<(Role, Vec<Block>)> = Vec::new();
    for message in messages.iter().filter_map(Message::sendable) {
        match merged.last_mut() {
            Some((role, blocks)) if *role == message.role() => {
                blocks.extend(message.content().iter().cloned())
            }
            _ => merged.push((message.role(), message.content().to_vec())),
        }
    }
    let pairs: Vec<HashSet<String>> = (0..merged.len()).map(|place| answered(&merged, place)).collect();
    let mut valid = Vec::new();
    for (place, (role, blocks)) in merged.into_iter().enumerate() {
        let before = place.checked_sub(1).map(|place| &pairs[place]);
        let mut blocks: Vec<Block> = blocks
            .into_iter()
            .filter(|block| match block.kind() {
                Kind::ToolUse(call) => pairs[place].contains(&call.id),
                Kind::ToolResult { tool_use_id, .. } => before.is_some_and(|ids| ids.contains(tool_use_id)),
                _ => true,
            })
            .collect();
        // Stable: results stay in their order, and come before what else was said.
        blocks.sort_by_key(|block| !matches!(block.kind(), Kind::ToolResult { .. }));
        let starts = !valid.is_empty() || role != Role::Assistant;
        valid.extend((starts && !blocks.is_empty()).then(|| Message::new(role, blocks)));
    }
    if valid.is_empty() {
        valid.push(Message::user("(What was said before is not shown.)"));
    }
    valid
}

/// The ids of the calls in this message that the next one answers.
fn answered(messages: &[(Role, Vec<Block>)], place: usize) -> HashSet<String> {
    let (role, blocks) = &messages[place];
    let Some((Role::User, next)) = messages.get(place + 1) else { return HashSet::new() };
    let results: HashSet<&str> = next.iter().filter_map(result_of).collect();
    let calls = blocks.iter().filter_map(Block::as_tool_use).filter(|_| *role == Role::Assistant);
    calls.filter(|call| results.contains(call.id.as_str())).map(|call| call.id.clone()).collect()
}

fn result_of(block: &Block) -> Option<&str> {
    match block.kind() {
        Kind::ToolResult { tool_use_id, .. } => Some(tool_use_id),
        _ => None,
    }
}
