//! Any JSON of the right shape is written as it was read.

use agent_core::{
    Block, Conversation, Delta, Message, Response, StopReason,
    conversation::Turn,
    message::{BlockKind, ToolCall},
    model::Fold,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::common::team;

/// A JSON string in any valid form, and the text it stands for.
fn string() -> impl Strategy<Value = (String, String)> {
    let part = select(vec![
        ("a", "a"),
        ("é", "é"),
        (r"\u00e9", "é"),
        ("🦀", "🦀"),
        (r"\ud83e\udd80", "🦀"),
        (r"\uD83E\uDD80", "🦀"),
        (r"\n", "\n"),
        ("\\\"", "\""),
        (r"\\", "\\"),
        (r"\\u", "\\u"),
        (r"\/", "/"),
        ("/", "/"),
        (" ", " "),
        (r"\u0000", "\0"),
        ("漢字", "漢字"),
    ]);
    vec(part, 0..6).prop_map(|parts| {
        let (written, said): (String, String) = parts.into_iter().unzip();
        (format!("\"{written}\""), said)
    })
}

fn number() -> impl Strategy<Value = String> {
    let digits =
        |most: usize| vec(select(('0'..='9').collect::<Vec<_>>()), 1..most).prop_map(String::from_iter);
    let rest = prop_oneof![
        4 => Just(String::new()),
        2 => digits(30).prop_map(|digits| format!(".{digits}")),
        1 => (select(vec!["e", "E+", ".50e-"]), digits(4)).prop_map(|(e, digits)| e.to_owned() + &digits),
    ];
    let whole = prop_oneof![Just("0".to_owned()), digits(40).prop_map(|digits| format!("7{digits}"))];
    (any::<bool>(), whole, rest)
        .prop_map(|(minus, whole, rest)| format!("{}{whole}{rest}", if minus { "-" } else { "" }))
}

/// Any JSON value, as text.
fn json() -> impl Strategy<Value = String> {
    let plain = select(vec!["null", "true", "false", "{}", "[ ]"]).prop_map(str::to_owned);
    let leaf = prop_oneof![plain, number(), string().prop_map(|(written, _)| written)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let space = || select(vec!["", "", " ", "\n\t"]);
        let list = (vec(inner.clone(), 0..4), space())
            .prop_map(|(values, space)| format!("[{space}{}{space}]", values.join(&format!("{space},"))));
        let object = (vec((string(), inner), 0..4), space()).prop_map(|(fields, space)| {
            let fields: Vec<String> =
                fields.iter().map(|((key, _), value)| format!("{key}{space}:{value}")).collect();
            format!("{{{}{space}}}", fields.join(&format!(",{space}")))
        });
        prop_oneof![list, object]
    })
}

/// An object with these fields and some unknown ones, in any order.
fn object(known: Vec<(&'static str, String)>) -> impl Strategy<Value = String> {
    let known: Vec<(String, String)> =
        known.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    (vec(json(), 0..3), select(vec!["", " ", "\n"])).prop_flat_map(move |(unknown, space)| {
        let unknown = unknown.into_iter().enumerate().map(|(place, value)| (format!("new {place}"), value));
        let fields: Vec<(String, String)> = known.iter().cloned().chain(unknown).collect();
        Just(fields).prop_shuffle().prop_map(move |fields| {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("\"{key}\":{space}{value}")).collect();
            format!("{{{space}{}}}", fields.join(","))
        })
    })
}

/// A block that a user or a model may write: its JSON, and its text if it is a text block.
fn block() -> impl Strategy<Value = (String, Option<String>)> {
    let kind = |kind: &str| format!("\"{kind}\"");
    let with = move |kind_: &'static str, fields: Vec<(&'static str, String)>| {
        object([vec![("type", kind(kind_))], fields].concat()).prop_map(|text| (text, None)).boxed()
    };
    (0..8, string(), string(), json()).prop_flat_map(move |(which, (a, said), (b, _), any)| match which {
        0 => object(vec![("type", kind("text")), ("text", a), ("citations", any)])
            .prop_map(move |text| (text, Some(said.clone())))
            .boxed(),
        1 => with("thinking", vec![("thinking", a), ("signature", b)]),
        2 => with("redacted_thinking", vec![("data", a)]),
        3 => with("image", vec![("source", any)]),
        4 => with("document", vec![("source", any), ("title", a)]),
        // An input that is `null` counts as absent.
        5 if any == "null" => {
            with("server_tool_use", vec![("id", a), ("name", b), ("input", "{}".to_owned())])
        }
        5 => with("server_tool_use", vec![("id", a), ("name", b), ("input", any)]),
        6 => with("web_search_tool_result", vec![("tool_use_id", a), ("content", any)]),
        _ => with("holo_deck", vec![("text", any)]),
    })
}

fn blocks() -> impl Strategy<Value = Vec<String>> {
    vec(block().prop_map(|(text, _)| text), 1..4)
}

fn texts(blocks: &[Block]) -> Vec<&str> {
    blocks.iter().map(|block| block.json().text()).collect()
}

/// Reads a `T` and writes it.
fn rewritten<T: serde::Serialize + serde::de::DeserializeOwned>(text: &str) -> (T, String) {
    let value: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let written = serde_json::to_string(&value).unwrap();
    (value, written)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_6_any_block_goes_out_as_it_came_in((text, words) in block()) {
        let (block, written) = rewritten::<Block>(&text);
        prop_assert_eq!(block.as_text(), words.as_deref());
        prop_assert_eq!(&written, &text);
        let mut fold = Fold::default();
        fold.push(Delta::Block { index: 0, block }).unwrap();
        fold.push(Delta::stop(StopReason::EndTurn)).unwrap();
        let reply = fold.finish().unwrap();
        prop_assert_eq!(texts(&reply.content), [text]);
    }

    #[test]
    fn invariant_6_any_input_and_any_result_go_out_as_they_came_in(
        (id, _) in string(),
        input in json(),
        content in blocks(),
    ) {
        let call = format!(r#"{{"id":{id},"name":"f","input":{input}}}"#);
        let (call, _) = rewritten::<ToolCall>(&call);
        prop_assert_eq!(call.input.text(), &input);
        let result = format!(r#"{{"content":[{}],"tool_use_id":{id},"type":"tool_result"}}"#, content.join(","));
        let (result, written) = rewritten::<Block>(&result);
        let BlockKind::ToolResult { content: read, .. } = result.kind() else { panic!("{written}") };
        let read = read.clone().into_blocks();
        prop_assert_eq!(texts(&read), content);
    }

    #[test]
    fn invariant_6_any_message_goes_out_as_it_came_in(
        role in select(vec!["user", "assistant", "system"]),
        content in blocks(),
    ) {
        let text = format!(r#"{{"role":"{role}","content":[{}]}}"#, content.join(","));
        let (message, written) = rewritten::<Message>(&text);
        prop_assert_eq!(texts(message.content()), content);
        prop_assert_eq!(written, text);
    }

    #[test]
    fn invariant_6_any_reply_keeps_its_blocks_and_the_fields_nobody_knows(
        content in blocks(),
        (stop, _) in string(),
        other in json(),
    ) {
        let text = format!(
            r#"{{"new":{other},"stop_reason":{stop},"role":"assistant","content":[{}],"type":"message"}}"#,
            content.join(",")
        );
        let (reply, written) = rewritten::<Response>(&text);
        prop_assert_eq!(texts(&reply.content), &content[..]);
        let kept = reply.extra.get("new").map(|json| json.text().to_owned());
        prop_assert_eq!(kept, (other != "null").then_some(other));
        let (again, written_again) = rewritten::<Response>(&written);
        prop_assert_eq!(again, reply);
        prop_assert_eq!(written_again, written);
    }

    #[test]
    fn invariant_6_any_conversation_is_the_same_when_it_is_read_again(
        said in blocks(),
        reply in blocks(),
        input in vec((string(), json()), 0..3),
    ) {
        let (team, _, _) = team([("main", vec![])]);
        let read = |blocks: &[String]| blocks.iter().map(|text| serde_json::from_str(text).unwrap()).collect::<Vec<Block>>();
        let fields: Vec<String> = input.iter().map(|((key, _), value)| format!("{key}:{value}")).collect();
        let input = format!("{{{}}}", fields.join(","));
        let call = format!(r#"{{"type":"tool_use","id":"a","name":"f","input":{input},"caller":null}}"#);
        let mut conversation = Conversation::start("main", read(&said));
        if let Turn::Model(turn) = conversation.turn(&team) {
            let content = [read(&reply), read(&[call])].concat();
            turn.answer(Ok(Response::new(content, StopReason::ToolUse))).unwrap();
        }
        let text = serde_json::to_string(&conversation).unwrap();
        let (again, written) = rewritten::<Conversation>(&text);
        prop_assert_eq!(&written, &text);
        prop_assert_eq!(texts(again.messages()[0].content()), said);
        prop_assert_eq!(&again, &conversation);
    }
}
