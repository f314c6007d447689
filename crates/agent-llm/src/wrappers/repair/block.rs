//! A block that the API refuses.

use std::collections::BTreeMap;

use agent_core::{
    Block, Content, Json, LlmError, Message, Request, Role, message::BlockKind, model::LlmErrorKind,
};

use super::says;
use crate::wrappers::bounds::edits::{At, Edits, given};

/// What the change is, in words.
pub(super) const DONE: &str = "a block is left out";

/// The most characters of a refusal that a note quotes.
const QUOTED: usize = 300;

/// What the API says of a picture or a document that it can't read, without saying which.
const UNREAD: [&str; 4] = [
    "could not process image",
    "could not process pdf",
    "could not process document",
    "image does not match the provided media type",
];

/// Whether a refusal names a block, or is about one.
pub(super) fn is_about_block(error: &LlmError) -> bool {
    error.kind == LlmErrorKind::InvalidRequest
        && (Named::of(&error.message).is_some() || says(error, &UNREAD))
}

/// The request with a note in the place of the block.
pub(super) fn without_block(request: &Request, error: &LlmError) -> Option<Request> {
    if request.extra.contains_key("messages") {
        return None;
    }
    match Named::of(&error.message) {
        Some(named) => without_named(request, &named, &error.message),
        None => without_newest(request, &error.message),
    }
}

/// What a refusal says of where the block is: `messages.3.content.1.tool_result.content.0.image:
/// …`.
#[derive(Debug, PartialEq)]
struct Named {
    at: At,
    /// More of the path after the block itself.
    goes_on: bool,
}

impl Named {
    fn of(message: &str) -> Option<Self> {
        let path = &message[message.find("messages.")?..];
        let path = path.split([':', ' ']).next()?;
        // The program's own markers are not to be guessed about.
        if path.contains("cache_control") {
            return None;
        }
        let mut steps = path.split('.').skip(1);
        let message = steps.next()?.parse().ok()?;
        let block = steps.next().filter(|step| *step == "content").and(steps.next())?.parse().ok()?;
        let rest: Vec<&str> = steps.collect();
        let inner = rest.windows(2).find(|pair| pair[0] == "content").and_then(|pair| pair[1].parse().ok());
        Some(Self { at: At { message, block, inner }, goes_on: !rest.is_empty() })
    }
}

fn without_named(request: &Request, named: &Named, why: &str) -> Option<Request> {
    let at = unsent(request, named.at)?;
    let message = &request.messages[at.message];
    let block = &message.content()[at.block];
    if is_thinking(block) {
        return without_thinking(request, at);
    }
    let inner = at.inner.map(|place| inner(block, place));
    let new = match (inner, block.kind()) {
        (Some(None), _) => return None,
        (Some(Some(inner)), _) => plain(inner, why)?,
        (None, BlockKind::ToolResult { tool_use_id, is_error, .. }) if named.goes_on => {
            Block::tool_result(tool_use_id, note(block, why).into(), *is_error)
        }
        (None, _) => plain(block, why)?,
    };
    let mut edits = Edits::default();
    edits.put(at, new, "");
    Some(edits.apply(request.clone()))
}

/// Where a block that was sent stands in the request: what can't be sent is not counted there.
fn unsent(request: &Request, sent: At) -> Option<At> {
    let sendable = request.messages.iter().enumerate();
    let mut sendable = sendable.filter_map(|(place, message)| Some((place, message.sendable()?)));
    let (message, as_sent) = sendable.nth(sent.message)?;
    let wanted = as_sent.content().get(sent.block)?;
    // Equal ones before it count.
    let nth = as_sent.content()[..sent.block].iter().filter(|block| *block == wanted).count();
    let content = request.messages[message].content().iter().enumerate();
    let (block, _) = content.filter(|(_, block)| *block == wanted).nth(nth)?;
    Some(At { message, block, ..sent })
}

fn inner(result: &Block, place: usize) -> Option<&Block> {
    match result.kind() {
        BlockKind::ToolResult { content: Content::Blocks(blocks), .. } => blocks.get(place),
        _ => None,
    }
}

/// What takes the place of a block; nothing for one that has to stay.
fn plain(block: &Block, why: &str) -> Option<Block> {
    match block.kind() {
        // It must be something beside the words.
        BlockKind::Text(words) => has_more(block).then(|| Block::text(words)),
        BlockKind::ToolUse(_)
        | BlockKind::ToolResult { .. }
        | BlockKind::ServerToolUse(_)
        | BlockKind::ServerToolResult { .. }
        | BlockKind::Thinking { .. }
        | BlockKind::RedactedThinking => None,
        _ => Some(Block::text(note(block, why))),
    }
}

/// Whether a text block has anything beside its words.
fn has_more(block: &Block) -> bool {
    block.json().parse::<BTreeMap<String, Json>>().is_ok_and(|fields| fields.len() > 2)
}

fn note(block: &Block, why: &str) -> String {
    let name = match block.kind() {
        BlockKind::Image => "a picture",
        BlockKind::Document => "a document",
        BlockKind::ToolResult { .. } => "what the tool brought",
        _ => "a block",
    };
    let why: String = why.chars().take(QUOTED).collect();
    format!("[left out: {name} that the model's server refused: {why}]")
}

fn is_thinking(block: &Block) -> bool {
    matches!(block.kind(), BlockKind::Thinking { .. } | BlockKind::RedactedThinking)
}

/// Thinking is left out without a word, since the model would take that for its own.
fn without_thinking(request: &Request, at: At) -> Option<Request> {
    let mut blocks = request.messages[at.message].content().to_vec();
    blocks.remove(at.block);
    let mut mended = request.clone();
    mended.messages[at.message] = Message::new(Role::Assistant, blocks);
    mended.messages[at.message].sendable().is_some().then_some(mended)
}

/// Without the pictures or documents that were said last: those before were taken, as a rule.
fn without_newest(request: &Request, why: &str) -> Option<Request> {
    let is_wanted = |block: &Block| match block.kind() {
        BlockKind::Image => why.to_lowercase().contains("image"),
        BlockKind::Document => !why.to_lowercase().contains("image"),
        _ => false,
    };
    let all: Vec<(At, &Block)> = given(request).filter(|(_, block)| is_wanted(block)).collect();
    let newest = all.last()?.0.message;
    let mut edits = Edits::default();
    for (at, block) in all.into_iter().filter(|(at, _)| at.message == newest) {
        edits.put(at, Block::text(note(block, why)), "");
    }
    Some(edits.apply(request.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(message: usize, block: usize, inner: Option<usize>) -> At {
        At { message, block, inner }
    }

    #[test]
    fn field_44_a_refusal_says_where_the_block_is() {
        let check = |message: &str, expected: Option<(At, bool)>| {
            let named = Named::of(message).map(|named| (named.at, named.goes_on));
            assert_eq!(named, expected, "{message}");
        };
        check("messages.3.content.1: bad", Some((at(3, 1, None), false)));
        check("messages.0.content.2.image.source.base64.data: x", Some((at(0, 2, None), true)));
        check(
            "messages.168.content.0.tool_result.content.1.image.source.base64: x",
            Some((at(168, 0, Some(1)), true)),
        );
        check("messages.3.content.0.content.1: x", Some((at(3, 0, Some(1)), true)));
        check("Bad request: messages.3.content.0 is wrong", Some((at(3, 0, None), false)));
        check("messages.15.content.1.cache_control.ttl: x", None);
        check("messages.1: `tool_use` ids were found without `tool_result`: messages.2.content.0", None);
        check("messages: at least one message is required", None);
        check("messages.1.role: Field required", None);
        check("max_tokens: Field required", None);
    }

    fn request(messages: Value) -> Request {
        Request::new(serde_json::from_value(messages).unwrap())
    }

    /// What stands in the messages once this was refused, as JSON; nothing if that can't be mended.
    fn check(messages: Value, why: &str, expected: Option<Value>) {
        let mut error = LlmError::new(LlmErrorKind::InvalidRequest, why);
        error.status = Some(400);
        assert!(is_about_block(&error), "{why}");
        let mended = without_block(&request(messages), &error);
        let mended = mended.map(|request| serde_json::to_value(&request.messages).unwrap());
        assert_eq!(mended, expected, "{why}");
    }

    #[test]
    fn field_44_a_block_that_was_refused_becomes_a_note_where_it_stood() {
        let image = json!({"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}});
        let text = |text: &str| json!({"type": "text", "text": text});
        let user = |blocks: Value| json!({"role": "user", "content": blocks});
        let result = |content: Value| json!({"type": "tool_result", "tool_use_id": "a", "content": content});
        let call = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}});
        let thinking = json!({"type": "thinking", "thinking": "", "signature": "c2ln"});
        let reply = |blocks: Value| json!({"role": "assistant", "content": blocks});
        let note = |what: &str, why: &str| {
            text(&format!("[left out: {what} that the model's server refused: {why}]"))
        };

        let why = "messages.0.content.1.image.source.url: gone";
        check(
            json!([user(json!([text("See."), image, text("?")]))]),
            why,
            Some(json!([user(json!([text("See."), note("a picture", why), text("?")]))])),
        );
        // What is not sent is not counted: the thinking at the end of a reply, and blank text.
        let why = "messages.1.content.0.tool_result.content.1.image: too large";
        let before = |last: Value| {
            let blank = reply(json!([thinking]));
            json!([user(json!([text("Go.")])), blank, user(json!([text(" "), last]))])
        };
        check(
            before(result(json!([text("1"), image]))),
            why,
            Some(before(result(json!([text("1"), note("a picture", why)])))),
        );
        // The whole of a result, whose call keeps it.
        let why = "messages.1.content.0.tool_result.content: no";
        let words =
            "[left out: what the tool brought that the model's server refused: ".to_owned() + why + "]";
        check(before(result(json!([text("1")]))), why, Some(before(result(json!(words)))));
        // Words stay, without what was refused beside them.
        let cited = json!({"type": "text", "text": "So.", "citations": []});
        let why = "messages.0.content.0.text.citations: Extra inputs are not permitted";
        check(json!([user(json!([cited]))]), why, Some(json!([user(json!([text("So.")]))])));
        check(json!([user(json!([text("So.")]))]), why, None);
        // Thinking goes, and calls stay.
        let why = "messages.0.content.0.thinking: Invalid `signature` in `thinking` block";
        check(json!([reply(json!([thinking, call]))]), why, Some(json!([reply(json!([call]))])));
        check(json!([reply(json!([call]))]), "messages.0.content.0.tool_use.id: no", None);
        check(json!([user(json!([text("Go.")]))]), "messages.7.content.0: no", None);
        // Which picture it is nobody says: the newest.
        let why = "Could not process image";
        check(
            json!([user(json!([image])), user(json!([image, text("?"), image]))]),
            why,
            Some(json!([
                user(json!([image])),
                user(json!([note("a picture", why), text("?"), note("a picture", why)]))
            ])),
        );
    }
}
