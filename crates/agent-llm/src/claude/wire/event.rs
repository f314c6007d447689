//! From a stream's events to deltas.

use std::borrow::Cow;

use agent_core::{Delta, Json, LlmError};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    ends::{start, stop},
    grow::{begin, grow, grown},
    malformed, need, parse,
    said::Said,
};
use crate::transport::{
    error::{ErrorBody, excerpt},
    sse::Event,
};

/// Reads an event. One named `error` is an error whatever it holds, as the official clients have
/// it. One of a type this library does not know is passed over, unless it says an error without a
/// name. Source: <https://docs.claude.com/en/docs/build-with-claude/streaming>.
pub(crate) fn read(event: &Event<'_>) -> Result<Said, LlmError> {
    if event.name == "error" {
        return Err(ErrorBody::in_event(&event.data));
    }
    if event.data.is_empty() || event.name == "ping" {
        return Ok(Said::Nothing);
    }
    if let Some(grown) = grown(event) {
        return Ok(Said::Grown(grown));
    }
    read_data(&event.name, &event.data).or_else(|error| {
        // What is no JSON are words of somebody on the way, who meant them to be read.
        let Ok(json) = Json::read(&*event.data) else { return Err(quoting(error, &event.data)) };
        said_in(json.text())?;
        match json.text() == event.data {
            true => Err(error),
            // Half a character where none may be joined: `Json` has it replaced.
            false => read_data(&event.name, json.text()),
        }
    })
}

fn quoting(mut error: LlmError, data: &str) -> LlmError {
    error.message.push_str(&format!(": {}", excerpt(data)));
    error
}

/// The fields of an event that many have. Each stays as it is until the type says what it is to be,
/// since raw JSON can't be read inside serde's tagged enums.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

fn read_data(event: &str, data: &str) -> Result<Said, LlmError> {
    let Fields { r#type, index, content_block, delta, error } = parse(event, data)?;
    let own = r#type.as_deref().filter(|own| !own.is_empty());
    let name = own.unwrap_or(event);
    if own.is_none() && error.is_some() {
        said_in(data)?;
    }
    let index = || parse(name, need(name, "index", index)?.get());
    Ok(Said::Delta(match name {
        "message_start" => start(parse(name, data)?).map_err(|error| malformed(name, error))?,
        "content_block_start" => return begin(index()?, need(name, "content_block", content_block)?),
        "content_block_delta" => return grow(index()?, need(name, "delta", delta)?),
        "content_block_stop" => Delta::BlockEnd { index: index()? },
        "message_delta" => stop(parse(name, data)?).map_err(|error| malformed(name, error))?,
        "message_stop" => return Ok(Said::End),
        "error" => return Err(ErrorBody::in_event(data)),
        // An object in `error` is one under any name; a text may be what a tool of the server says.
        _ if is_other(event, own) || is_object(error) => return said_in(data).map(|()| Said::Nothing),
        _ => return Ok(Said::Nothing),
    }))
}

/// Whether an event is of another type than its name says, or of none: `message` is the standard's
/// name for one without.
fn is_other(event: &str, own: Option<&str>) -> bool {
    own.map_or(matches!(event, "" | "message"), |own| own != event)
}

fn is_object(json: Option<&RawValue>) -> bool {
    json.is_some_and(|json| json.get().starts_with('{'))
}

/// The error that stands in the place of an event, if one does.
fn said_in(data: &str) -> Result<(), LlmError> {
    ErrorBody::found(data).map_or(Ok(()), |_| Err(ErrorBody::in_event(data)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agent_core::{Block, StopReason, model::Counts};

    use agent_core::model::{LlmErrorKind, Piece};

    use super::*;
    use crate::claude::wire::said::Grown;

    fn said(name: &str, data: &str) -> Result<Said, LlmError> {
        read(&Event { name: name.into(), data: data.into() })
    }

    fn check(data: &str, expected: Delta) {
        assert_eq!(said("", data).unwrap(), Said::Delta(expected), "{data}");
    }

    fn begun(text: &str) -> Block {
        Block::from_json(json(text)).unwrap()
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
        let (id, model) = (Some("msg_1".into()), Some("claude".into()));
        check(
            r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","role":"assistant",
                "content":[],"stop_sequence":null,"usage":{"input_tokens":3,"tier":"x"}}}"#,
            Delta::Start { id, model, usage: usage.into(), extra: extra([("usage", r#"{"tier":"x"}"#)]) },
        );
        check(r#"{"type":"content_block_stop","index":4}"#, Delta::BlockEnd { index: 4 });
        check(
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"b":1, "a":2},"container":{"id":"c"}},
                "usage":{"input_tokens":3},"context_management":{"z":[1, 2]}}"#,
            Delta::Stop {
                stop_reason: StopReason::Refusal,
                stop_details: Some(json(r#"{"b":1, "a":2}"#)),
                usage: usage.into(),
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
    fn what_grows_may_be_absent_at_the_beginning_and_nothing_else() {
        let check = |block: &str, expected: Result<&str, &str>| {
            let said =
                said("", &format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#));
            let expected = expected.map(|text| Said::Delta(Delta::Block { index: 0, block: begun(text) }));
            assert_eq!(
                said.map_err(|error| error.message.clone()),
                expected.map_err(str::to_owned),
                "{block}"
            );
        };
        check(r#"{"type":"text"}"#, Ok(r#"{"type":"text","text":""}"#));
        check(r#"{"type":"thinking"}"#, Ok(r#"{"type":"thinking","thinking":""}"#));
        let call = r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#;
        check(r#"{"type":"tool_use","id":"a","name":"f"}"#, Ok(call));
        check(r#"{"type":"tool_use","id":"a","name":"f","input":null}"#, Ok(call));
        check(
            r#"{"type":"tool_use","id":"a"}"#,
            Err(
                "event \"content_block_start\": not a content block: type \"tool_use\", at the top level: missing field `name`",
            ),
        );
        check("7", Err("event \"content_block_start\": not a content block: a JSON object is needed: 7"));
    }

    #[test]
    fn a_blocks_json_is_kept_as_it_came() {
        let block = r#"{"type":"tool_use","id":"a","name":"f","input":{ },"caller":{"z":1,"n":123456789012345678901}}"#;
        check(
            &format!(r#"{{"type":"content_block_start","index":1,"content_block":{block}}}"#),
            Delta::Block { index: 1, block: begun(block) },
        );
    }

    #[test]
    fn deltas_become_pieces() {
        let check = |delta: &str, expected: Piece| {
            let data = format!(r#"{{"type":"content_block_delta","index":2,"delta":{delta}}}"#);
            let piece = match said("", &data).unwrap() {
                Said::Grown(Grown { index: 2, field, words, .. }) => field.piece(words.text()),
                Said::Delta(Delta::Piece { index: 2, piece }) => piece,
                other => panic!("{other:?}"),
            };
            assert_eq!(piece, expected, "{delta}");
        };
        check(r#"{"type":"text_delta","text":"\u00e9\"\n"}"#, Piece::Text("é\"\n".to_owned()));
        check(r#"{"type":"input_json_delta","partial_json":"{\"a\""}"#, Piece::Input("{\"a\"".to_owned()));
        check(r#"{"type":"thinking_delta","thinking":"so"}"#, Piece::Thinking("so".to_owned()));
        check(r#"{"type":"text_delta","text":null}"#, Piece::Text(String::new()));
        check(r#"{"type":"input_json_delta","partial_json":null}"#, Piece::Input(String::new()));
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
            Delta::Block { index: 0, block: begun(whole) },
        );
        check(
            &format!(r#"{{"type":"content_block_delta","index":0,"delta":{half}}}"#),
            Delta::Piece { index: 0, piece: Piece::Other(json(whole)) },
        );
        check(
            r#"{"type":"message_start","message":{"model":"\udd80"}}"#,
            Delta::Start {
                id: None,
                model: Some("\u{fffd}".into()),
                usage: Box::default(),
                extra: BTreeMap::new(),
            },
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
            Delta::Block { index: 6, block: begun(r#"{"type":"holo"}"#) },
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
    fn field_58_an_event_named_error_is_one_whatever_it_holds_and_so_is_one_without_a_name() {
        use LlmErrorKind::*;
        let check = |name: &str, data: &str, kind: LlmErrorKind, message: &str| {
            let error = said(name, data).unwrap_err();
            assert_eq!((error.kind, error.message.as_str()), (kind, message), "{name} {data}");
        };
        let parser =
            r#"{"code":500,"message":"The model produced output that does not match","type":"server_error"}"#;
        for name in ["error", "", "message"] {
            check(name, parser, Server, "The model produced output that does not match");
            check(name, r#"{"error":"out of memory"}"#, Server, "out of memory");
            check(name, r#"{"detail":"not today"}"#, Server, "not today");
            let long = r#"{"error":{"type":"invalid_request_error","message":"the prompt is too long"}}"#;
            check(name, long, InvalidRequest, "the prompt is too long");
            check(name, r#"{"type":null,"error":{"message":"m"}}"#, Server, "m");
            check(name, r#"{"type":"new_error","error":{"message":"m","code":404}}"#, NotFound, "m");
        }
        // Named, it may say anything.
        check("error", "the GPU is on fire", Server, "the GPU is on fire");
        check("error", r#""in JSON""#, Server, "in JSON");
        check("error", r#"{"type":"message_stop"}"#, Server, r#"{"type":"message_stop"}"#);
        check("error", r#"{"type":"overloaded_error"}"#, Overloaded, r#"{"type":"overloaded_error"}"#);
        check("error", "", Server, "an error event without a message");
        check(
            "content_block_delta",
            r#"{"error":{"message":"m","type":"overloaded_error"}}"#,
            Overloaded,
            "m",
        );
        let odd = r#"{"type":"x","error":{"type":"invalid_request_error","message":"too long"}}"#;
        check("completion", odd, InvalidRequest, "too long");
        // What a future event tells is none.
        for (name, data) in [
            ("tool_status", r#"{"type":"tool_status","error":"a tool failed"}"#),
            ("progress", r#"{"detail":"half of it"}"#),
            ("", r#"{"type":"progress","detail":"half of it"}"#),
            ("", r#"{"error":null,"detail":""}"#),
        ] {
            assert_eq!(said(name, data).unwrap(), Said::Nothing, "{name} {data}");
        }
        let words = said("", "Service Unavailable").unwrap_err().message.clone();
        assert!(words.ends_with(": Service Unavailable"), "{words}");
    }

    #[test]
    fn what_can_not_be_read_is_malformed_and_says_where() {
        for (name, data) in [
            ("message_start", "{"),
            ("", "[DONE]"),
            ("", r#"{"type":"content_block_stop"}"#),
            ("", r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}"#),
            ("", r#"{"type":"content_block_delta","index":-1,"delta":{}}"#),
            ("", r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":7}}"#),
            ("", r#"{"type":"content_block_delta","index":0,"delta":null}"#),
            ("", r#"{"type":"content_block_start","index":0}"#),
            ("", r#"{"type":"message_delta"}"#),
        ] {
            let error = said(name, data).unwrap_err();
            assert_eq!(error.kind, LlmErrorKind::Malformed, "{data}");
            assert!(error.message.starts_with("event "), "{error}");
        }
    }
}
