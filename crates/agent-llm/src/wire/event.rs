//! From a stream's events to deltas.

use std::{borrow::Cow, fmt::Display};

use agent_core::{Delta, Json, LlmError, LlmErrorKind, Piece};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    ApiError,
    ends::{start, stop},
};
use crate::sse::Event;

/// What an event says.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// A piece of the reply.
    Delta(Delta),
    /// The reply is whole.
    End,
    /// Nothing that concerns the reply.
    Nothing,
}

/// Reads an event; its type first and then its fields, since raw JSON can't be read inside serde's
/// tagged enums. An event of a type this library does not know is passed over, whatever it holds.
/// Source: <https://docs.claude.com/en/docs/build-with-claude/streaming>.
pub(crate) fn read(event: &Event) -> Result<Said, LlmError> {
    let data = event.data.as_str();
    if data.is_empty() || event.name == "ping" {
        return Ok(Said::Nothing);
    }
    let typed: Typed<'_> = parse(&event.name, data)?;
    let name = match &*typed.r#type {
        "" => event.name.as_str(),
        name => name,
    };
    Ok(Said::Delta(match name {
        "message_start" => start(parse(name, data)?).map_err(|error| malformed(name, error))?,
        "content_block_start" => {
            let BlockStart { index, content_block } = parse(name, data)?;
            Delta::Block { index, block: content_block }
        }
        "content_block_delta" => {
            let BlockDelta { index, delta } = parse(name, data)?;
            Delta::Piece { index, piece: piece(delta.get())? }
        }
        "content_block_stop" => {
            let BlockStop { index } = parse(name, data)?;
            Delta::BlockEnd { index }
        }
        "message_delta" => stop(parse(name, data)?).map_err(|error| malformed(name, error))?,
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
struct BlockStart {
    index: usize,
    content_block: Json,
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

fn piece(delta: &str) -> Result<Piece, LlmError> {
    #[derive(Deserialize)]
    struct Text {
        text: String,
    }
    #[derive(Deserialize)]
    struct Input {
        partial_json: String,
    }
    #[derive(Deserialize)]
    struct Thinking {
        thinking: String,
    }
    #[derive(Deserialize)]
    struct Signature {
        signature: String,
    }
    #[derive(Deserialize)]
    struct Citation {
        citation: Json,
    }
    let typed: Typed<'_> = parse("content_block_delta", delta)?;
    let name = &*typed.r#type;
    Ok(match name {
        "text_delta" => Piece::Text(parse::<Text>(name, delta)?.text),
        "input_json_delta" => Piece::Input(parse::<Input>(name, delta)?.partial_json),
        "thinking_delta" => Piece::Thinking(parse::<Thinking>(name, delta)?.thinking),
        "signature_delta" => Piece::Signature(parse::<Signature>(name, delta)?.signature),
        "citations_delta" => Piece::Citation(parse::<Citation>(name, delta)?.citation),
        _ => Piece::Other(parse(name, delta)?),
    })
}

fn parse<'a, T: Deserialize<'a>>(name: &str, text: &'a str) -> Result<T, LlmError> {
    serde_json::from_str(text).map_err(|error| malformed(name, error))
}

fn malformed(name: &str, error: impl Display) -> LlmError {
    LlmError::new(LlmErrorKind::Malformed, format!("event {name:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agent_core::{Counts, StopReason};

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

    fn extra<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, Json> {
        fields.into_iter().map(|(name, value)| (name.to_owned(), json(value))).collect()
    }

    #[test]
    fn events_become_deltas() {
        let mut usage = Counts::default();
        usage.input_tokens = Some(3);
        let (id, model) = (Some("msg_1".to_owned()), Some("claude".to_owned()));
        check(
            r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","role":"assistant",
                "content":[],"stop_sequence":null,"usage":{"input_tokens":3,"tier":"x"}}}"#,
            Delta::Start { id, model, usage, extra: extra([("usage", r#"{"tier":"x"}"#)]) },
        );
        check(r#"{"type":"content_block_stop","index":4}"#, Delta::BlockEnd { index: 4 });
        check(
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"b":1, "a":2},"container":{"id":"c"}},
                "usage":{"input_tokens":3},"context_management":{"z":[1, 2]}}"#,
            Delta::Stop {
                stop_reason: StopReason::Refusal,
                stop_details: Some(json(r#"{"b":1, "a":2}"#)),
                usage,
                extra: extra([("container", r#"{"id":"c"}"#), ("context_management", r#"{"z":[1, 2]}"#)]),
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
        let check = |delta: &str, piece: Piece| {
            let data = format!(r#"{{"type":"content_block_delta","index":2,"delta":{delta}}}"#);
            check(&data, Delta::Piece { index: 2, piece });
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
