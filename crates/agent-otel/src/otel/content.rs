//! What was said, as JSON of the conventions.

use std::borrow::Cow;

use agent_core::{Block, Content, Json, Message, Role, SharedText, StopReason, message::BlockKind};
use serde::Serialize;

use super::names::{ResultField, Vocabulary};
use crate::stop_word::stop_word;

/// A message as the conventions have it.
#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    parts: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Text {
        r#type: &'static str,
        content: &'a str,
    },
    Call {
        r#type: &'static str,
        id: &'a str,
        name: &'a str,
        arguments: &'a Json,
    },
    Result {
        r#type: &'static str,
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        response: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Cow<'a, str>>,
    },
    /// Data is left out: a picture would be larger than all else.
    Media {
        r#type: &'static str,
    },
    /// What the conventions have no part for is shown as it is.
    Other(&'a Json),
}

/// What a model reads that it has not read before: the results of calls, by the ids of the calls,
/// and what was said.
pub(super) fn input(
    results: &[(SharedText, SharedText)],
    messages: &[Message],
    names: &Vocabulary,
) -> String {
    let parts: Vec<_> = results.iter().map(|(id, text)| result(id, text.as_str().into(), names)).collect();
    let results = (!parts.is_empty()).then_some(Said { role: "tool", parts, finish_reason: None });
    json(results.into_iter().chain(messages.iter().flat_map(|message| said(message, names))).collect())
}

/// What a model wrote.
pub(super) fn output(content: &[Block], stop: &StopReason, names: &Vocabulary) -> String {
    let parts = content.iter().map(|block| part(block, names)).collect();
    let finish_reason = names.message_has_finish_reason.then(|| reason(stop));
    json(vec![Said { role: "assistant", parts, finish_reason }])
}

fn json(said: Vec<Said<'_>>) -> String {
    serde_json::to_string(&said).expect("texts, and JSON that was read before, can be written")
}

fn said<'a>(message: &'a Message, names: &Vocabulary) -> impl Iterator<Item = Said<'a>> + use<'a> {
    let is_result = |block: &&Block| matches!(block.kind(), BlockKind::ToolResult { .. });
    let (results, others): (Vec<_>, Vec<_>) = message.content().iter().partition(is_result);
    let role = match message.role() {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::System => "system",
    };
    let of = |role, blocks: Vec<&'a Block>| {
        let parts: Vec<_> = blocks.into_iter().map(|block| part(block, names)).collect();
        (!parts.is_empty()).then_some(Said { role, parts, finish_reason: None })
    };
    [of("tool", results), of(role, others)].into_iter().flatten()
}

fn part<'a>(block: &'a Block, names: &Vocabulary) -> Part<'a> {
    match block.kind() {
        BlockKind::Text(text) => Part::Text { r#type: "text", content: text },
        BlockKind::Thinking { thinking, .. } => Part::Text { r#type: "reasoning", content: thinking },
        BlockKind::HistorySummary { text, .. } => Part::Text { r#type: "compaction", content: text },
        BlockKind::ToolUse(call) => {
            Part::Call { r#type: "tool_call", id: &call.id, name: &call.name, arguments: &call.input }
        }
        BlockKind::ToolResult { tool_use_id, content, .. } => {
            result(tool_use_id, text(content).into(), names)
        }
        BlockKind::Image => Part::Media { r#type: "image" },
        BlockKind::Document => Part::Media { r#type: "document" },
        BlockKind::RedactedThinking => Part::Media { r#type: "redacted_thinking" },
        _ => Part::Other(block.json()),
    }
}

fn result<'a>(id: &'a str, text: Cow<'a, str>, names: &Vocabulary) -> Part<'a> {
    let (response, result) = match names.result_field {
        ResultField::Response => (Some(text), None),
        ResultField::Result => (None, Some(text)),
    };
    Part::Result { r#type: "tool_call_response", id, response, result }
}

/// The text of a result. What is not text appears as its type: `[image]`.
fn text(content: &Content) -> String {
    let of = |block: &Block| match block.as_text() {
        Some(text) => text.to_owned(),
        None => {
            let kind = block.field("type").and_then(|kind| kind.parse::<String>().ok());
            format!("[{}]", kind.as_deref().unwrap_or("block"))
        }
    };
    match content {
        Content::Text(text) => text.clone(),
        Content::Blocks(blocks) => blocks.iter().map(of).collect(),
    }
}

/// Why a message ended, in the words of the conventions.
fn reason(stop: &StopReason) -> &str {
    match stop {
        StopReason::EndTurn | StopReason::StopSequence => "stop",
        StopReason::ToolUse => "tool_call",
        StopReason::MaxTokens | StopReason::ContextWindowExceeded => "length",
        StopReason::Refusal => "content_filter",
        other => stop_word(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Names;

    fn check(message: Message, expected: &str) {
        let (new, old) = (Names::V0_1.vocabulary(), Names::V1_41.vocabulary());
        assert_eq!(input(&[], std::slice::from_ref(&message), new), expected);
        let expected = expected.replace(r#""response":"#, r#""result":"#);
        assert_eq!(input(&[], &[message], old), expected);
    }

    #[test]
    fn messages_have_the_parts_of_the_conventions() {
        check(Message::user("Hi."), r#"[{"role":"user","parts":[{"type":"text","content":"Hi."}]}]"#);
        let call = Block::tool_use("a", "add", Json::read(r#"{"n": 12345678901234567890123}"#).unwrap());
        check(
            Message::assistant(Content::Blocks(vec![call])),
            r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"a","name":"add","arguments":{"n": 12345678901234567890123}}]}]"#,
        );
        let picture = Content::Blocks(vec![Block::text("A cat: "), Block::image("image/png", "aGk=")]);
        let result = Block::tool_result("a", picture, false);
        check(
            Message::user(Content::Blocks(vec![
                result,
                Block::text("Go on."),
                Block::image("image/png", "aGk="),
            ])),
            r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"a","response":"A cat: [image]"}]},{"role":"user","parts":[{"type":"text","content":"Go on."},{"type":"image"}]}]"#,
        );
        let thinking =
            Block::from_json(json!({"type": "thinking", "thinking": "Hm.", "signature": "s"}).into());
        let new = Block::from_json(Json::read(r#"{"type":"hologram","of":"cat"}"#).unwrap());
        check(
            Message::assistant(Content::Blocks(vec![thinking.unwrap(), new.unwrap()])),
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"hologram","of":"cat"}]}]"#,
        );
    }

    #[test]
    fn results_of_calls_are_read_before_what_was_said() {
        let results = [("a".into(), "Rain.".into()), ("b".into(), "No.".into())];
        assert_eq!(
            input(&results, &[Message::user("And?")], Names::V0_1.vocabulary()),
            r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"a","response":"Rain."},{"type":"tool_call_response","id":"b","response":"No."}]},{"role":"user","parts":[{"type":"text","content":"And?"}]}]"#
        );
    }

    #[test]
    fn why_a_reply_ended_is_in_its_message_where_the_version_wants_it() {
        let write = |names: Names, stop| output(&[Block::text("Hi.")], &stop, names.vocabulary());
        let start = r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi."}]"#;
        assert_eq!(write(Names::V0_1, StopReason::EndTurn), format!("{start}}}]"));
        let check = |stop, expected| {
            assert_eq!(write(Names::V1_41, stop), format!("{start},\"finish_reason\":\"{expected}\"}}]"));
        };
        check(StopReason::EndTurn, "stop");
        check(StopReason::ToolUse, "tool_call");
        check(StopReason::MaxTokens, "length");
        check(StopReason::Refusal, "content_filter");
        check(StopReason::Other("new".to_owned()), "new");
    }
}
