//! Messages and notices as plain text.

use agent_core::{Block, Content, Message, Role, message::BlockKind, model::Notice};

/// Messages as a person reads them, a paragraph for each block.
pub(super) fn of_messages(messages: &[Message]) -> String {
    let texts = messages.iter().map(|message| {
        let who = match message.role() {
            Role::User => "user",
            Role::Assistant => "model",
            Role::System => "system",
        };
        let blocks = message.content().iter().map(|block| match block.kind() {
            BlockKind::Text(text) => format!("{who}: {text}"),
            _ => of_block(block),
        });
        blocks.collect::<Vec<_>>().join("\n")
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// What the user said last.
pub(super) fn of_user(messages: &[Message]) -> String {
    let users = messages.iter().rev().filter(|message| message.role() == Role::User);
    users.map(Message::text).find(|text| !text.trim().is_empty()).unwrap_or_default()
}

/// The blocks of a reply, a paragraph for each.
pub(super) fn of_blocks(blocks: &[Block]) -> String {
    blocks.iter().map(of_block).collect::<Vec<_>>().join("\n")
}

fn of_block(block: &Block) -> String {
    match block.kind() {
        BlockKind::Text(text) => text.clone(),
        BlockKind::Thinking { thinking, .. } if thinking.is_empty() => "[thinking]".to_owned(),
        BlockKind::Thinking { thinking, .. } => format!("[thinking] {thinking}"),
        BlockKind::RedactedThinking => "[thinking, encrypted]".to_owned(),
        BlockKind::ToolUse(call) | BlockKind::ServerToolUse(call) => {
            format!("calls {} {}", call.name, call.input.text())
        }
        BlockKind::ToolResult { tool_use_id, content, is_error } => {
            let failed = if *is_error { " failed" } else { "" };
            format!("result of {tool_use_id}{failed}: {}", of_content(content))
        }
        BlockKind::HistorySummary { text, .. } => format!("[summary] {text}"),
        _ => {
            let kind = block.field("type").and_then(|kind| kind.parse::<String>().ok());
            format!("[{}]", kind.unwrap_or_default())
        }
    }
}

fn of_content(content: &Content) -> String {
    match content {
        Content::Text(text) => text.clone(),
        Content::Blocks(blocks) => of_blocks(blocks),
    }
}

/// A notice in words; `None` if it says nothing about this request.
pub(super) fn of_notice(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Omitted { parts } => format!("left out or cut: {}", parts.join("; ")),
        Notice::Compacted { messages, tokens, summary_tokens } => format!(
            "a summary of about {summary_tokens} tokens replaces {messages} messages; the request had {tokens} tokens"
        ),
        Notice::NotCompacted { reason } => format!("the history stays as long as it is: {reason}"),
        Notice::Estimated { reason } => format!("tokens are only estimated: {reason}"),
        Notice::Guard { guard, did } => format!("guard {guard} {did}"),
        Notice::Budget { message } => message.clone(),
        _ => return None,
    })
}
