//! From a stream's events to deltas.

use std::borrow::Cow;

use agent_core::{Block, Counts, Delta, Json, LlmError, LlmErrorKind, Piece, StopReason};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{ApiError, Words};
use crate::sse::Event;

/// What an event says.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// A piece of the reply.
    Delta(Delta),
    /// More of a block's words. They may begin or end in the middle of a character.
    Words { index: usize, field: Field, words: Words },
    /// A block began, with words that end in the middle of a character: its first half, which is not in the block.
    Half { index: usize, block: Json, field: Field, half: Words },
    /// The reply is whole.
    End,
    /// Nothing that concerns the reply.
    Nothing,
}

/// The field of a block that words are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Text,
    Thinking,
    Signature,
    Input,
}

impl Field {
    pub(crate) fn piece(self, words: String) -> Piece {
        match self {
            Self::Text => Piece::Text(words),
            Self::Thinking => Piece::Thinking(words),
            Self::Signature => Piece::Signature(words),
            Self::Input => Piece::Input(words),
        }
    }
}

/// Reads an event. One of a type this library does not know is passed over, whatever it holds.
/// Source: <https://docs.claude.com/en/docs/build-with-claude/streaming>.
pub(crate) fn read(event: &Event) -> Result<Said, LlmError> {
    if event.data.is_empty() || event.name == "ping" {
        return Ok(Said::Nothing);
    }
    read_data(&event.name, &event.data).or_else(|error| match Json::read(event.data.as_str()) {
        // Half a character where none may be joined: `Json` has it replaced.
        Ok(json) if json.text() != event.data => read_data(&event.name, json.text()),
        _ => Err(error),
    })
}

/// Its type first and then its fields, since raw JSON can't be read inside serde's tagged enums.
fn read_data(event: &str, data: &str) -> Result<Said, LlmError> {
    let typed: Typed<'_> = parse(event, data)?;
    let name = match &*typed.r#type {
        "" => event,
        name => name,
    };
    Ok(Said::Delta(match name {
        "message_start" => start(parse(name, data)?),
        "content_block_start" => {
            let BlockStart { index, content_block } = parse(name, data)?;
            return Ok(begun(index, content_block));
        }
        "content_block_delta" => {
            let BlockDelta { index, delta } = parse(name, data)?;
            return more(index, delta.get());
        }
        "content_block_stop" => {
            let BlockStop { index } = parse(name, data)?;
            Delta::BlockEnd { index }
        }
        "message_delta" => stop(parse(name, data)?),
        "message_stop" => return Ok(Said::End),
        "error" => return Err(ApiError::read(data).in_stream()),
        _ => return Ok(Said::Nothing),
    }))
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct MessageStart {
    message: MessageHead,
}

#[derive(Deserialize)]
struct MessageHead {
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    usage: Counts,
}

#[derive(Deserialize)]
struct BlockStart<'a> {
    index: usize,
    #[serde(borrow)]
    content_block: &'a RawValue,
}

#[derive(Deserialize)]
struct BlockDelta<'a> {
    index: usize,
    #[serde(borrow)]
    delta: &'a RawValue,
}

#[derive(Deserialize)]
struct BlockStop {
    index: usize,
}

#[derive(Deserialize)]
struct MessageDelta {
    delta: MessageTail,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct MessageTail {
    stop_reason: Option<StopReason>,
    stop_details: Option<Json>,
}

fn start(MessageStart { message: MessageHead { id, model, usage } }: MessageStart) -> Delta {
    Delta::Start { id, model, usage }
}

fn stop(MessageDelta { delta: MessageTail { stop_reason, stop_details }, usage }: MessageDelta) -> Delta {
    // Written as it is in a reply that was not streamed.
    let stop_reason = stop_reason.unwrap_or_else(|| StopReason::Other("null".to_owned()));
    Delta::Stop { stop_reason, stop_details, usage: usage.unwrap_or_default() }
}

/// The block at `index` begins.
fn begun(index: usize, raw: &RawValue) -> Said {
    #[derive(Deserialize)]
    struct Begun {
        text: Option<Words>,
        thinking: Option<Words>,
    }
    let block = Json::from(raw.to_owned());
    let whole = Said::Delta(Delta::Block { index, block: block.clone() });
    if block.text() == raw.get() {
        return whole;
    }
    let Ok(Begun { text, thinking }) = serde_json::from_str(raw.get()) else { return whole };
    let grows = [("text", Field::Text, text), ("thinking", Field::Thinking, thinking)];
    let cut = grows.into_iter().find_map(|(name, field, words)| {
        let mut words = words?;
        let half = words.split_half()?;
        let block = Block::from_json(block.clone()).ok()?.with(name, Value::from(words.text())).ok()?;
        Some(Said::Half { index, block: block.json().clone(), field, half })
    });
    cut.unwrap_or(whole)
}

/// More of the block at `index`.
fn more(index: usize, delta: &str) -> Result<Said, LlmError> {
    #[derive(Deserialize)]
    struct Text {
        text: Words,
    }
    #[derive(Deserialize)]
    struct Input {
        partial_json: Words,
    }
    #[derive(Deserialize)]
    struct Thinking {
        thinking: Words,
    }
    #[derive(Deserialize)]
    struct Signature {
        signature: Words,
    }
    #[derive(Deserialize)]
    struct Citation {
        citation: Json,
    }
    let typed: Typed<'_> = parse("content_block_delta", delta)?;
    let name = &*typed.r#type;
    let (field, words) = match name {
        "text_delta" => (Field::Text, parse::<Text>(name, delta)?.text),
        "input_json_delta" => (Field::Input, parse::<Input>(name, delta)?.partial_json),
        "thinking_delta" => (Field::Thinking, parse::<Thinking>(name, delta)?.thinking),
        "signature_delta" => (Field::Signature, parse::<Signature>(name, delta)?.signature),
        other => {
            let piece = match other {
                "citations_delta" => Piece::Citation(parse::<Citation>(name, delta)?.citation),
                _ => Piece::Other(parse(name, delta)?),
            };
            return Ok(Said::Delta(Delta::Piece { index, piece }));
        }
    };
    Ok(Said::Words { index, field, words })
}

fn parse<'a, T: Deserialize<'a>>(name: &str, text: &'a str) -> Result<T, LlmError> {
    serde_json::from_str(text)
        .map_err(|error| LlmError::new(LlmErrorKind::Malformed, format!("event {name:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, data: &str) -> Result<Said, LlmError> {
        read(&Event { name: name.to_owned(), data: data.to_owned() })
    }

    fn check(data: &str, expected: Delta) {
        assert_eq!(said("", data).unwrap(), Said::Delta(expected), "{data}");
    }

    fn json(text: &str) -> Json {
        Json::read(text).unwrap()
    }

    #[test]
    fn events_become_deltas() {
        let mut usage = Counts::default();
        usage.input_tokens = Some(3);
        let (id, model) = (Some("msg_1".to_owned()), Some("claude".to_owned()));
        check(
            r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":3,"tier":"x"}}}"#,
            Delta::Start { id, model, usage },
        );
        check(r#"{"type":"content_block_stop","index":4}"#, Delta::BlockEnd { index: 4 });
        check(
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"b":1, "a":2}},"usage":{"input_tokens":3}}"#,
            Delta::Stop {
                stop_reason: StopReason::Refusal,
                stop_details: Some(json(r#"{"b":1, "a":2}"#)),
                usage,
            },
        );
        check(
            r#"{"type":"message_delta","delta":{"stop_reason":null,"stop_details":null}}"#,
            Delta::stop(StopReason::Other("null".to_owned())),
        );
        assert_eq!(said("", r#"{"type":"message_stop"}"#).unwrap(), Said::End);
        assert_eq!(said("message_stop", "{}").unwrap(), Said::End, "by the event's name");
    }

    #[test]
    fn a_blocks_json_is_kept_as_it_came() {
        let block = r#"{"type":"tool_use","id":"a","name":"f","input":{ },"caller":{"z":1,"n":123456789012345678901}}"#;
        check(
            &format!(r#"{{"type":"content_block_start","index":1,"content_block":{block}}}"#),
            Delta::Block { index: 1, block: json(block) },
        );
    }

    #[test]
    fn deltas_become_pieces() {
        let check = |delta: &str, expected: Piece| {
            let data = format!(r#"{{"type":"content_block_delta","index":2,"delta":{delta}}}"#);
            let piece = match said("", &data).unwrap() {
                Said::Words { index: 2, field, words } => field.piece(words.text()),
                Said::Delta(Delta::Piece { index: 2, piece }) => piece,
                other => panic!("{other:?}"),
            };
            assert_eq!(piece, expected, "{delta}");
        };
        check(r#"{"type":"text_delta","text":"\u00e9\"\n"}"#, Piece::Text("é\"\n".to_owned()));
        check(r#"{"type":"input_json_delta","partial_json":"{\"a\""}"#, Piece::Input("{\"a\"".to_owned()));
        check(r#"{"type":"thinking_delta","thinking":"so"}"#, Piece::Thinking("so".to_owned()));
        check(r#"{"type":"signature_delta","signature":"c2ln"}"#, Piece::Signature("c2ln".to_owned()));
        check(
            r#"{"type":"citations_delta","citation":{"z":1, "a":2}}"#,
            Piece::Citation(json(r#"{"z":1, "a":2}"#)),
        );
    }

    #[test]
    fn fault_25_half_a_character_anywhere_else_is_replaced() {
        let (half, whole) = (r#"{"type":"glow","a":"\ud83e"}"#, r#"{"type":"glow","a":"\ufffd"}"#);
        check(
            &format!(r#"{{"type":"content_block_start","index":0,"content_block":{half}}}"#),
            Delta::Block { index: 0, block: json(whole) },
        );
        check(
            &format!(r#"{{"type":"content_block_delta","index":0,"delta":{half}}}"#),
            Delta::Piece { index: 0, piece: Piece::Other(json(whole)) },
        );
        check(
            r#"{"type":"message_start","message":{"model":"\udd80"}}"#,
            Delta::Start { id: None, model: Some("\u{fffd}".to_owned()), usage: Counts::default() },
        );
        assert_eq!(said("", r#"{"type":"\ud83e"}"#).unwrap(), Said::Nothing);
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"\ud83e"}}"#;
        let error = said("error", error).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (LlmErrorKind::Overloaded, "\u{fffd}"));
    }

    #[test]
    fn fault_28_unknown_event_block_and_delta_types() {
        for (name, data) in [
            ("ping", r#"{"type": "ping"}"#),
            ("ping", "not json"),
            ("", ""),
            ("", r#"{"type":"content_block_glow","index":"no number"}"#),
            ("future", "{}"),
        ] {
            assert_eq!(said(name, data).unwrap(), Said::Nothing, "{name} {data}");
        }
        let delta = r#"{"type":"glow_delta", "lumen":1}"#;
        check(
            &format!(r#"{{"type":"content_block_delta","index":7,"delta":{delta}}}"#),
            Delta::Piece { index: 7, piece: Piece::Other(json(delta)) },
        );
        check(
            r#"{"type":"content_block_start","index":6,"content_block":{"type":"holo"}}"#,
            Delta::Block { index: 6, block: json(r#"{"type":"holo"}"#) },
        );
    }

    #[test]
    fn an_error_event_is_an_error_of_its_kind() {
        let error =
            said("error", r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
        let error = error.unwrap_err();
        assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Overloaded, true));
        assert_eq!(error.to_string(), "the model's server is overloaded: Overloaded (overloaded_error)");
        assert_eq!(said("error", "{}").unwrap_err().kind, LlmErrorKind::Server);
    }

    #[test]
    fn what_can_not_be_read_is_malformed_and_says_where() {
        for (name, data) in [
            ("message_start", "{"),
            ("", "[DONE]"),
            ("", r#"{"type":"content_block_stop"}"#),
            ("", r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}"#),
            ("", r#"{"type":"content_block_delta","index":-1,"delta":{}}"#),
        ] {
            let error = said(name, data).unwrap_err();
            assert_eq!(error.kind, LlmErrorKind::Malformed, "{data}");
            assert!(error.message.starts_with("event "), "{error}");
        }
    }
}
