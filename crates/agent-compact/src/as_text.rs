//! Messages as text, for the model that summarises them.

use std::collections::HashMap;

use agent_core::{Block, Content, Message, Role, message::BlockKind};

/// The messages without instructions, and with each call and result as text of at most `most` bytes.
/// So a request without tools can have them, and another model can read them. Thinking is left out.
pub(crate) fn as_text(messages: &[Message], most: usize) -> Vec<Message> {
    let calls = messages.iter().flat_map(Message::tool_calls);
    let names: HashMap<&str, &str> = calls.map(|call| (&*call.id, &*call.name)).collect();
    let said = messages.iter().filter(|message| message.role() != Role::System);
    let texts = said.map(|message| {
        let blocks = message.content().iter().filter_map(|block| block_as_text(block, &names, most));
        message.with_content(blocks.collect::<Vec<Block>>())
    });
    texts.collect()
}

fn block_as_text(block: &Block, names: &HashMap<&str, &str>, most: usize) -> Option<Block> {
    Some(match block.kind() {
        BlockKind::ToolUse(call) | BlockKind::ServerToolUse(call) => {
            Block::text(format!("[called {} with {}]", call.name, cut(call.input.text(), most)))
        }
        BlockKind::ToolResult { tool_use_id, content, is_error } => {
            let name = names.get(&**tool_use_id).copied().unwrap_or("a tool");
            let verb = if *is_error { "failed" } else { "answered" };
            Block::text(format!("[{name} {verb}: {}]", cut(&words(content), most)))
        }
        BlockKind::Text(text) => Block::text(cut(text, most)),
        BlockKind::Image | BlockKind::Document if most == usize::MAX => block.clone(),
        BlockKind::Image => Block::text("[a picture]"),
        BlockKind::Document => Block::text("[a document]"),
        // A summary of the API's own.
        BlockKind::Other(kind) if kind == "compaction" => {
            Block::text(block.field("content")?.parse::<String>().ok()?)
        }
        _ => return None,
    })
}

fn words(content: &Content) -> String {
    let others = match content {
        Content::Blocks(blocks) => blocks.iter().filter(|block| block.as_text().is_none()).count(),
        Content::Text(_) => 0,
    };
    match others {
        0 => content.to_text(),
        others => format!("{} (and {others} other parts, such as pictures)", content.to_text()),
    }
}

/// The beginning of a text, of at most `most` bytes, and how much is left out.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}… ({} more bytes)", &text[..end], text.len() - end)
}
