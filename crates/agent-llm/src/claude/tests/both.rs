//! The same reply streamed and not, however odd, is recorded the same.

use agent_core::{
    Agent, Conversation, LlmError, Response, Team, conversation::Turn, model::LlmErrorKind, script::Script,
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{Read, cases};

/// A field: absent, or this JSON.
type Field = (&'static str, Option<&'static str>);

/// A field that may be absent, `null` or of another shape; what is right comes up most often.
fn field(name: &'static str, right: &'static [&'static str]) -> impl Strategy<Value = Field> {
    const ODD: &[&str] = &[
        "null",
        "7",
        "-1",
        "1.5",
        "1e300",
        "true",
        "false",
        "[]",
        "[null]",
        "{}",
        r#"{"a":null}"#,
        r#""""#,
        r#"" ""#,
        r#""7""#,
        r#""a""#,
    ];
    prop_oneof![
        4 => select(right).prop_map(Some),
        1 => Just(None),
        1 => Just(Some("null")),
        1 => select(ODD).prop_map(Some),
    ]
    .prop_map(move |value| (name, value))
}

fn object(fields: &[Field]) -> String {
    let fields = fields.iter().filter_map(|(name, value)| Some(format!("{name:?}:{}", (*value)?)));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// A block of a type, with a field of which a stream may bring the words later.
fn block() -> impl Strategy<Value = Vec<Field>> {
    const TEXT: &[&str] = &[r#""hi""#, r#""é\ud83e""#];
    let kind = |kind| field("type", kind);
    let id = || field("id", &[r#""a""#, r#""b""#]);
    let name = || field("name", &[r#""f""#, r#""f.g""#]);
    let input = || field("input", &["{}", r#"{"n":1}"#]);
    let call = |of| (kind(of), id(), name(), input()).prop_map(|(a, b, c, d)| vec![a, b, c, d]);
    prop_oneof![
        (kind(&[r#""text""#]), field("text", TEXT), field("citations", &["[]"]))
            .prop_map(|(a, b, c)| vec![a, b, c]),
        (kind(&[r#""thinking""#]), field("thinking", TEXT), field("signature", &[r#""c2ln""#]))
            .prop_map(|(a, b, c)| vec![a, b, c]),
        call(&[r#""tool_use""#]),
        call(&[r#""tool_use""#]),
        call(&[r#""server_tool_use""#]),
        (kind(&[r#""web_search_tool_result""#]), field("tool_use_id", &[r#""a""#]))
            .prop_map(|(a, b)| vec![a, b]),
        (field("type", &[r#""holo""#]), field("text", TEXT)).prop_map(|(a, b)| vec![a, b]),
    ]
}

/// What stands beside the content, and what only comes up at the end.
fn ends() -> impl Strategy<Value = (Vec<Field>, Vec<Field>)> {
    let start = (field("id", &[r#""msg_1""#]), field("model", &[r#""m""#]), field("new", &["[1]"]));
    const USAGE: &[&str] = &[
        r#"{"input_tokens":3,"output_tokens":4,"service_tier":"standard"}"#,
        r#"{"input_tokens":"3","output_tokens":-1}"#,
        r#"{"input_tokens":3.0,"output_tokens":1.5,"cache_read_input_tokens":1e300}"#,
        r#"{"output_tokens":null,"cache_creation":null,"server_tool_use":null}"#,
        r#"{"input_tokens":[],"output_tokens":true,"cache_creation":{"ephemeral_5m_input_tokens":"x"}}"#,
        r#"{"server_tool_use":{"web_search_requests":"2","new":1},"cache_creation":"x"}"#,
    ];
    let end = (
        field("usage", USAGE),
        field("stop_reason", &[r#""end_turn""#, r#""tool_use""#]),
        field("stop_details", &[r#"{"type":"refusal"}"#]),
        field("stop_sequence", &[r#""END""#]),
    );
    (start, end).prop_map(|((a, b, c), (d, e, f, g))| (vec![a, b, c], vec![d, e, f, g]))
}

/// The streamed reply. Of the blocks named in `later`, the words or the input come in pieces.
fn streamed(blocks: &[Vec<Field>], start: &[Field], end: &[Field], later: &[bool]) -> String {
    let mut events = vec![format!(r#"{{"type":"message_start","message":{}}}"#, object(start))];
    for (index, (block, later)) in blocks.iter().zip(later).enumerate() {
        let pieces = if *later { pieces(block) } else { None };
        let (begun, pieces) = pieces.unwrap_or((block.clone(), Vec::new()));
        let begun = object(&begun);
        events.push(format!(r#"{{"type":"content_block_start","index":{index},"content_block":{begun}}}"#));
        events.extend(
            pieces.into_iter().map(|delta| {
                json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string()
            }),
        );
        events.push(format!(r#"{{"type":"content_block_stop","index":{index}}}"#));
    }
    let (usage, end): (Vec<_>, Vec<_>) = end.iter().partition(|(name, _)| *name == "usage");
    let usage = object(&usage);
    let usage = if usage == "{}" { String::new() } else { format!(",{}", &usage[1..usage.len() - 1]) };
    events.push(format!(r#"{{"type":"message_delta","delta":{}{usage}}}"#, object(&end)));
    events.push(r#"{"type":"message_stop"}"#.to_owned());
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// How a block begins and what it grows by, if it has a field of the right shape that can grow.
fn pieces(block: &[Field]) -> Option<(Vec<Field>, Vec<Value>)> {
    let (place, kind, key) = block.iter().enumerate().find_map(|(place, (name, _))| match *name {
        "text" if block[0].1 == Some(r#""text""#) => Some((place, "text_delta", "text")),
        "thinking" if block[0].1 == Some(r#""thinking""#) => Some((place, "thinking_delta", "thinking")),
        "input" if block[0].1.is_some_and(|kind| kind.contains("tool_use")) => {
            Some((place, "input_json_delta", "partial_json"))
        }
        _ => None,
    })?;
    let written = block[place].1?;
    let words = match key {
        "partial_json" if written.starts_with('{') => written.to_owned(),
        "partial_json" => return None,
        _ => serde_json::from_str(written).ok()?,
    };
    let mut begun = block.to_vec();
    begun[place].1 = [None, Some("null")][words.len() % 2];
    let (first, rest) = words.split_at(words.char_indices().nth(1).map_or(0, |(at, _)| at));
    let piece = |words: Value| json!({"type": kind, key: words});
    Some((begun, vec![piece(first.into()), piece(Value::Null), piece(rest.into())]))
}

/// The content of a reply in short: nothing, or one text.
fn short(blocks: &[Vec<Field>]) -> Option<&'static str> {
    match blocks {
        [] => Some("null"),
        [block] => match block[..] {
            [("type", Some(r#""text""#)), ("text", Some(text @ r#""hi""#)), ("citations", None)] => {
                Some(text)
            }
            _ => None,
        },
        _ => None,
    }
}

fn unary(blocks: &[Vec<Field>], start: &[Field], end: &[Field]) -> String {
    let content = short(blocks);
    let blocks: Vec<String> = blocks.iter().map(|block| object(block)).collect();
    let blocks = content.map_or_else(|| format!("[{}]", blocks.join(",")), str::to_owned);
    let (start, end) = (object(start), object(end));
    let fields = [&start[1..start.len() - 1], &end[1..end.len() - 1]];
    let fields = fields.into_iter().filter(|fields| !fields.is_empty()).map(|fields| format!("{fields},"));
    format!(r#"{{{}"content":{blocks}}}"#, fields.collect::<String>())
}

/// What a conversation records of a reply, and what the reply says beside it.
fn recorded(reply: Result<Response, LlmError>) -> Result<(Value, Value), LlmErrorKind> {
    let reply = reply.map_err(|error| error.kind)?;
    let aside = (&reply.id, &reply.model, &reply.stop_reason, &reply.stop_details, &reply.extra);
    let aside = serde_json::to_value(aside).unwrap();
    let team = Team::new([Agent::builder("main", Script::new([])).build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    let Turn::Model(turn) = conversation.turn(&team) else { panic!("it is the model's turn") };
    turn.answer(Ok(reply)).unwrap();
    Ok((serde_json::to_value(&conversation).unwrap(), aside))
}

fn whole(body: &str) -> Result<Response, LlmError> {
    Response::read(body).map_err(|error| LlmError::new(LlmErrorKind::Malformed, error.to_string()))
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn field_57_an_odd_reply_is_recorded_the_same_streamed_and_not(
        blocks in vec(block(), 0..4),
        (start, end) in ends(),
        later in vec(any::<bool>(), 4),
    ) {
        let (events, body) = (streamed(&blocks, &start, &end, &later), unary(&blocks, &start, &end));
        let streamed = recorded(Read::of([events.as_bytes()]).fold());
        prop_assert_eq!(streamed, recorded(whole(&body)), "{}\n{}", events, body);
    }
}

#[test]
fn field_57_what_some_servers_leave_out_costs_no_reply_streamed_or_not() {
    let check = |block: &[Field], expected: &str| {
        let end = [("stop_reason", Some(r#""tool_use""#))];
        let blocks = [block.to_vec()];
        for reply in [
            Read::of([streamed(&blocks, &[], &end, &[false]).as_bytes()]).fold(),
            whole(&unary(&blocks, &[], &end)),
        ] {
            let (record, _) = recorded(reply).unwrap();
            assert_eq!(record["messages"][1]["content"].to_string(), format!("[{expected}]"), "{block:?}");
        }
    };
    const CALL: Field = ("type", Some(r#""tool_use""#));
    const NAME: Field = ("name", Some(r#""f""#));
    let call = |id: &str| format!(r#"{{"id":"{id}","input":{{}},"name":"f","type":"tool_use"}}"#);
    check(&[CALL, ("id", Some(r#""a""#)), NAME], &call("a"));
    check(&[CALL, ("id", Some("null")), NAME, ("input", Some("null"))], &call("call_2"));
    check(&[CALL, NAME], &call("call_2"));
    check(&[CALL, ("id", Some("7")), NAME], &call("7"));
    check(&[("type", Some(r#""text""#)), ("text", Some("null"))], r#"{"text":"","type":"text"}"#);
    let text = [("type", Some(r#""text""#)), ("text", Some(r#""hi""#)), ("citations", None)];
    check(&text, r#"{"text":"hi","type":"text"}"#);
}
