//! Requests as they are sent, with placeholders.

use agent_core::{Block, Json, Message, Request, Role, message::BlockKind};

use super::{
    json_strings::{Which, changed},
    placeholders::Placeholders,
};

/// Fields of blocks that are no text for the model. Servers need them as they are.
const KEPT: [&str; 9] = [
    "type",
    "id",
    "tool_use_id",
    "name",
    "signature",
    "media_type",
    "file_id",
    "encrypted_content",
    "encrypted_index",
];

/// Replaces the values in a request. Returns the placeholders for what the user, or a tool, has
/// said since the model's last reply.
pub(super) fn redact(request: &mut Request, placeholders: &mut Placeholders) -> Vec<String> {
    let replied = request.messages.iter().rposition(|message| message.role() == Role::Assistant);
    let mut known = Vec::new();
    let system: Vec<Option<Block>> = request.system.iter().map(|block| sent(block, placeholders)).collect();
    if system.iter().zip(&request.system).any(|(new, old)| new.as_ref() != Some(old)) {
        request.system = system.into_iter().flatten().collect();
    }
    for place in 0..request.messages.len() {
        let new = redacted(&request.messages[place], placeholders);
        if let Some(message) = new {
            request.messages[place] = message;
        }
        if Some(place) == replied {
            known = placeholders.names();
        }
    }
    if !placeholders.is_empty() {
        // The server has seen the history with placeholders, perhaps with other numbers.
        request.previous_reply = None;
    }
    let mut new = placeholders.names();
    new.retain(|name| known.binary_search(name).is_err());
    new
}

/// The message with placeholders; `None` if it has no values.
fn redacted(message: &Message, placeholders: &mut Placeholders) -> Option<Message> {
    let blocks: Vec<Option<Block>> =
        message.content().iter().map(|block| sent(block, placeholders)).collect();
    let is_same = blocks.iter().zip(message.content()).all(|(new, old)| new.as_ref() == Some(old));
    (!is_same).then(|| message.with_content(blocks.into_iter().flatten().collect::<Vec<Block>>()))
}

/// The block as it is sent; `None` if it can't be sent.
fn sent(block: &Block, placeholders: &mut Placeholders) -> Option<Block> {
    match block.kind() {
        // It can't be changed, because it is signed. It has no values, unless it was written
        // before there were placeholders.
        BlockKind::Thinking { thinking, .. } => placeholders.is_clean(thinking).then(|| block.clone()),
        BlockKind::RedactedThinking => Some(block.clone()),
        BlockKind::ToolUse(call) | BlockKind::ServerToolUse(call) => {
            let input = changed(call.input.text(), Which::Everything, |_, text| placeholders.redact(text));
            Some(with_input(block, input))
        }
        _ => {
            let change = |field: &str, text: &str| match is_kept(field, text) {
                true => None,
                false => placeholders.redact(text),
            };
            Some(with_json(block, changed(block.json().text(), Which::Values, change)))
        }
    }
}

fn is_kept(field: &str, text: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    KEPT.contains(&field) || (field == "data" && text.len() >= 64 && text.bytes().all(is_base64))
}

pub(super) fn with_input(block: &Block, input: Option<String>) -> Block {
    let Some(input) = input else { return block.clone() };
    let input = Json::read(input).expect("only strings of it have changed");
    block.with("input", input).expect("only its input has changed")
}

pub(super) fn with_json(block: &Block, json: Option<String>) -> Block {
    let Some(json) = json else { return block.clone() };
    let json = Json::read(json).expect("only strings of it have changed");
    Block::from_json(json).expect("only its texts have changed")
}
