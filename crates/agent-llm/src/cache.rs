//! Where cache markers pay.

use std::collections::BTreeMap;

use agent_core::{Block, Content, Json, Kind, Message, Request};
use serde_json::json;

/// How long the API keeps what it has cached of a prompt.
/// Source: <https://docs.claude.com/en/docs/build-with-claude/prompt-caching>.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Five minutes from its last use.
    FiveMinutes,
    /// An hour from its last use; writing costs more.
    OneHour,
}

/// The most markers the API takes.
const MOST: usize = 4;

const FIELD: &str = "cache_control";

impl Cache {
    fn marker(self) -> Json {
        match self {
            Self::FiveMinutes => json!({"type": "ephemeral"}),
            Self::OneHour => json!({"type": "ephemeral", "ttl": "1h"}),
        }
        .into()
    }
}

/// The request with markers at the end of the tools, of the system prompt, of the history, and of the
/// history as it was before the last reply, where the last request put one. Markers that are there
/// already stay, and count; `whole` says that the settings have one for the request as a whole.
pub(crate) fn marked(request: &Request, kept: Cache, whole: bool) -> Request {
    let mut request = request.clone();
    let mut left = MOST.saturating_sub(count(&request, whole));
    let mut take = || left.checked_sub(1).map(|rest| left = rest).is_some();
    // The end of the history first: it pays most when there are few markers left.
    let ends: Vec<usize> = ends(&request.messages).take(2).collect();
    for place in ends {
        if !is_marked(&request.messages[place]) && take() {
            request.messages[place] = marked_message(&request.messages[place], kept);
        }
    }
    if let Some(block) = request.system.last_mut().filter(|block| !has_field(block)) {
        if take() {
            *block = marked_block(block, kept);
        }
    }
    if request.tools.last().is_some_and(|tool| !tool.extra.contains_key(FIELD)) && take() {
        let mut tools = request.tools.to_vec();
        if let Some(tool) = tools.last_mut() {
            tool.extra.insert(FIELD.to_owned(), kept.marker());
        }
        request.tools = tools.into();
    }
    request
}

/// The places of the messages that requests end with, the last one first: those before a reply.
fn ends(messages: &[Message]) -> impl Iterator<Item = usize> {
    use agent_core::Role::Assistant;
    let is_end = |place: &usize| {
        let next = messages.get(place + 1).map(Message::role);
        messages[*place].role() != Assistant && (next == Some(Assistant) || next.is_none())
    };
    (0..messages.len()).rev().filter(is_end)
}

/// Also in the results of tools, and for the request as a whole.
fn count(request: &Request, whole: bool) -> usize {
    let blocks = request.messages.iter().flat_map(Message::content).chain(&request.system);
    let tools = request.tools.iter().filter(|tool| tool.extra.contains_key(FIELD));
    let server = request.server_tools.iter().filter(|tool| has_marker(tool));
    let whole = whole || request.extra.contains_key(FIELD);
    blocks.map(count_in).sum::<usize>() + tools.count() + server.count() + usize::from(whole)
}

fn count_in(block: &Block) -> usize {
    let inner = match block.kind() {
        Kind::ToolResult { content: Content::Blocks(blocks), .. } => blocks.iter().map(count_in).sum(),
        _ => 0,
    };
    inner + usize::from(has_field(block))
}

fn has_field(block: &Block) -> bool {
    // To look for the word costs much less than to take the block apart, and each request looks at each block.
    block.json().text().contains(FIELD) && block.field(FIELD).is_some()
}

fn has_marker(tool: &Json) -> bool {
    tool.parse::<BTreeMap<String, Json>>().is_ok_and(|fields| fields.contains_key(FIELD))
}

fn is_marked(message: &Message) -> bool {
    message.content().iter().any(has_field)
}

fn marked_message(message: &Message, kept: Cache) -> Message {
    let mut blocks = message.content().to_vec();
    let can_be = |block: &&mut Block| !matches!(block.kind(), Kind::Thinking { .. } | Kind::RedactedThinking);
    if let Some(block) = blocks.iter_mut().rev().find(can_be) {
        *block = marked_block(block, kept);
    }
    Message::new(message.role(), blocks)
}

fn marked_block(block: &Block, kept: Cache) -> Block {
    // A block that can't have the field goes as it is.
    block.with(FIELD, kept.marker()).unwrap_or_else(|_| block.clone())
}

#[cfg(test)]
mod tests {
    use agent_core::ToolSpec;

    use super::*;

    fn request() -> Request {
        let call = Block::tool_use("a", "f", json!({}));
        let result = Block::tool_result("a", "1".into(), false);
        let mut request = Request::new(vec![
            Message::user("Go."),
            Message::assistant(vec![call]),
            Message::user(vec![result]),
        ]);
        request.system = vec![Block::text("Base."), Block::text("Own.")];
        request.tools = ["f", "g"].map(|name| ToolSpec::new(name, "", json!({"type": "object"}))).into();
        request
    }

    /// Where the markers are, as short words.
    fn places(request: &Request) -> Vec<String> {
        let tools = request.tools.iter().filter(|tool| tool.extra.contains_key(FIELD));
        let tools = tools.map(|tool| format!("tool {}", tool.name));
        let system = request.system.iter().filter(|block| block.field(FIELD).is_some());
        let system = system.map(|block| format!("system {}", block.as_text().unwrap()));
        let messages = request.messages.iter().enumerate().filter(|(_, message)| is_marked(message));
        let messages = messages.map(|(place, _)| format!("message {place}"));
        tools.chain(system).chain(messages).collect()
    }

    #[test]
    fn markers_stand_at_the_ends_of_tools_system_and_history() {
        let marked = marked(&request(), Cache::OneHour, false);
        assert_eq!(places(&marked), ["tool g", "system Own.", "message 0", "message 2"]);
        let last = marked.messages[2].content()[0].json().text();
        assert!(last.ends_with(r#""cache_control":{"ttl":"1h","type":"ephemeral"}}"#), "{last}");
    }

    #[test]
    fn fault_36_cache_control_is_neither_lost_nor_too_many() {
        let mut request = request();
        let own = Block::text("Own.").with(FIELD, json!({"type": "ephemeral"})).unwrap();
        request.system = vec![own.clone(), own.clone()];
        request.messages[0] = Message::user(vec![own]);
        let marked = marked(&request, Cache::FiveMinutes, false);
        assert_eq!(places(&marked), ["system Own.", "system Own.", "message 0", "message 2"]);
        assert_eq!((count(&request, false), count(&marked, false)), (3, 4));
        // One inside of a result, one for the whole.
        let own = request.system.pop().unwrap();
        let result = Block::tool_result("a", Content::Blocks(vec![own]), false);
        request.messages[2] = Message::user(vec![result]);
        let marked = super::marked(&request, Cache::FiveMinutes, true);
        assert_eq!((count(&request, true), count(&marked, true)), (4, 4));
        assert_eq!(marked, request);
    }
}
