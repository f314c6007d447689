//! What users and models say, at random.

use agent_core::{Block, Content, Json};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    Api,
    replies::{Call, End, Part, Reply},
};

/// What is said before a run, and the replies that it gets.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) said: Said,
    pub(super) replies: Vec<(Api, Reply)>,
    /// The API that is asked when there are no more replies.
    pub(super) last: Api,
}

#[derive(Clone, Debug)]
pub(super) enum Said {
    Words(Content),
    Instructions(&'static str),
}

/// Pictures, documents, and blocks that only Claude can read, as JSON.
const MEDIA: &[&str] = &[
    r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAAA="}}"#,
    r#"{"type":"image","source":{"type":"url","url":"https://x.test/a.png"}}"#,
    r#"{"type":"image","source":{"type":"file","file_id":"file_1"}}"#,
    r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},"title":"Report"}"#,
    r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}"#,
    r#"{"type":"document","source":{"type":"url","url":"https://x.test/a.pdf"},"title":""}"#,
    r#"{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"a"}]}"#,
];

fn media() -> impl Strategy<Value = &'static str> {
    select(MEDIA)
}

fn block() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        select(vec![
            r#"{"type":"text","text":"hi"}"#,
            r#"{"type":"text","text":" \n"}"#,
            r#"{"type":"text","text":""}"#,
            r#"{"type":"text","text":"é🦀\"\u0000"}"#,
            r#"{"type":"container_upload","file_id":"file_1"}"#,
        ]),
        media(),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    let read = |block: &str| Block::from_json(Json::read(block.to_owned()).unwrap()).unwrap();
    let blocks = vec(block(), 0..4);
    let blocks = blocks.prop_map(move |blocks| blocks.into_iter().map(read).collect::<Vec<_>>().into());
    prop_oneof![
        3 => select(vec!["Go.", " ", "", "Go \n"]).prop_map(|text| Said::Words(text.into())),
        3 => blocks.prop_map(Said::Words),
        1 => select(vec!["Be brief.", " ", ""]).prop_map(Said::Instructions),
    ]
}

/// Ids as servers write them: some always the same, some that other servers refuse.
fn id() -> impl Strategy<Value = String> {
    let fixed = ["", "0", "call_1", "toolu_01A", "functions.f:0", "é🦀", "a b", "aB3dE5gH7", "call-1"];
    prop_oneof![
        3 => select(fixed.to_vec()).prop_map(str::to_owned),
        1 => (select(vec![40_usize, 41, 64, 65, 300]), 0..3_u8).prop_map(|(length, last)| {
            // Long ones that differ only at their ends.
            format!("{}{last}", "i".repeat(length - 1))
        }),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let gives = (
        select(vec!["give", "give", "give", "", "functions.give", "gone", "ggg"]),
        select(vec![
            r#"{}"#,
            r#"{"give":"words"}"#,
            r#"{"give":""}"#,
            r#"{"give":" \n"}"#,
            r#"{"give":"error"}"#,
            r#"{"give":"silent error"}"#,
            r#"{"give":"question"}"#,
            "",
            "[1]",
            "7",
            "{\"cut",
            r#"{"n":12345678901234567890123,"n":1}"#,
        ]),
    );
    let gives = gives.prop_map(|(name, input)| {
        let name = if name == "ggg" { "g".repeat(100) } else { name.to_owned() };
        (name, input.to_owned())
    });
    let blocks = (any::<bool>(), vec(block(), 0..4)).prop_map(|(failed, blocks)| {
        let give = if failed { "failed blocks" } else { "blocks" };
        ("give".to_owned(), format!(r#"{{"give":"{give}","blocks":[{}]}}"#, blocks.join(",")))
    });
    let handoff = select(vec!["main", "other", "nobody"])
        .prop_map(|to| ("handoff".to_owned(), format!(r#"{{"name":"{to}","reason":"so"}}"#)));
    let act = prop_oneof![4 => gives, 3 => blocks, 2 => handoff];
    (id(), act).prop_map(|(id, (name, input))| Call { id, name, input })
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        3 => select(vec!["hi", "", " ", "so \n", "é🦀\"\\"]).prop_map(Part::Text),
        2 => (0..4_usize).prop_map(Part::Thinking),
        2 => (0..6_usize).prop_map(Part::Other),
        1 => select(vec!["No.", ""]).prop_map(Part::Refusal),
        4 => call().prop_map(Part::Call),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let end = prop_oneof![
        8 => Just(End::Whole),
        1 => select(vec![End::Cut, End::Refused, End::Paused, End::Unknown]),
    ];
    (vec(part(), 0..6), end).prop_map(|(parts, end)| Reply { parts, end })
}

pub(super) fn exchange() -> impl Strategy<Value = Exchange> {
    let api = || select(Api::ALL.to_vec());
    let exchange = (said(), vec((api(), reply()), 0..5), api());
    exchange.prop_map(|(said, replies, last)| Exchange { said, replies, last })
}
