//! What random models say.

use std::time::Duration;

use agent_core::{
    Block, Json, LlmError, Request, StopReason,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use crate::{
    tools::ON_PURPOSE,
    world::{Member, NAMES},
};

/// What a model says when it is asked.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Reply {
        parts: Vec<Part>,
        stop: Option<StopReason>,
        latency: u64,
        per_token: u64,
    },
    /// Replaces all but this many messages and one by a summary.
    Compacts {
        keep: usize,
    },
    Fails,
    Panics,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(&'static str),
    Thinking { signature: &'static str },
    Call { id: &'static str, tool: &'static str, input: &'static str },
    Delegate { id: &'static str, to: &'static str, input: &'static str },
    HandOver { id: &'static str, to: &'static str },
}

/// What `act` and its like are told; the first ones are the simplest.
const TOLD: &[&str] = &[
    "{}",
    r#"{"ms":10}"#,
    r#"{"ms":20}"#,
    r#"{"ms":40}"#,
    r#"{"fail":"no"}"#,
    r#"{"fail":" ","ms":5}"#,
    r#"{"panic":true}"#,
    r#"{"panic":true,"ms":10}"#,
    r#"{"ask":"May I?"}"#,
    r#"{"ask":"May I?","ms":10}"#,
    r#"{"say":""}"#,
    r#"{"answer":"Yes."}"#,
    r#"{"answer":"","ms":10}"#,
    r#"{"answer":"Yes.","ask":"May I?"}"#,
    r#"{"say":" \n"}"#,
    r#"{"file":"a"}"#,
    r#"{"file":"a","ms":10}"#,
    r#"{"file":"a","ms":20}"#,
    r#"{"file":"a","ask":"May I?"}"#,
    r#"{"file":"b","ms":10}"#,
    r#"{"ms":"soon"}"#,
    "[1]",
    "null",
    r#""words""#,
];

/// What is delegated, well or badly.
const TASKS: &[&str] = &[DO_IT, DO_IT, DO_IT, DO_IT, r#"{"task":" "}"#, r#"{"wrong":1}"#];
const DO_IT: &str = r#"{"task":"Do it."}"#;

/// The models of these agents, as one script. What is said depends on what is read only, so the same
/// history is always answered alike, and it never runs out.
pub(crate) fn script(members: &[Member]) -> Script {
    let members = members.to_vec();
    Script::by(move |request| {
        let place = NAMES.iter().position(|name| **name == *request.agent).expect("an agent of the team");
        let says = &members[place].says;
        let heard: usize = request.messages.iter().map(|message| message.content().len()).sum();
        if heard > 8 && request.conversation.contains('/') {
            // A tree of delegations has an end.
            return Reply::text("Done.");
        }
        let chosen = (heard.wrapping_mul(0x9E37_79B9) >> 8) % says.len();
        says[chosen].reply(request)
    })
}

impl Says {
    fn reply(&self, request: &Request) -> Reply {
        match self {
            Self::Compacts { keep } => match request.places.iter().rev().nth(*keep).copied().flatten() {
                Some(before) => Reply::default()
                    .and_block(Block::history_summary("So far.", before))
                    .stop(StopReason::Compaction),
                None => Reply::text("Yes."),
            },
            Self::Fails => Reply::error(LlmError::new(LlmErrorKind::Server, "down")),
            Self::Panics => panic!("{ON_PURPOSE}"),
            Self::Reply { parts, stop, latency, per_token } => {
                let reply =
                    parts.iter().fold(Reply::default(), |reply, part| reply.and_block(part.block(request)));
                let reply = stop.iter().cloned().fold(reply, Reply::stop);
                reply.after(Duration::from_millis(*latency)).per_token(Duration::from_millis(*per_token))
            }
        }
    }
}

impl Part {
    fn block(&self, request: &Request) -> Block {
        let json = |text: &str| Json::read(text).expect("the inputs are JSON");
        match self {
            Self::Text(text) => Block::text(*text),
            Self::Thinking { signature } => {
                let block = json!({"type": "thinking", "thinking": "Hm.", "signature": signature});
                Block::from_json(block.into()).expect("a thinking block")
            }
            Self::Call { id, tool, input } => Block::tool_use(*id, *tool, json(input)),
            Self::Delegate { id, to, input } => Block::tool_use(*id, *to, json(input)),
            Self::HandOver { id, to } => {
                let one_per_agent = request.tools.iter().any(|tool| tool.name.starts_with("transfer_to_"));
                match one_per_agent {
                    true => {
                        Block::tool_use(*id, format!("transfer_to_{to}"), json!({"reason": "It is theirs."}))
                    }
                    false => Block::tool_use(*id, "handoff", json!({"name": to, "reason": "It is theirs."})),
                }
            }
        }
    }
}

pub(crate) fn says(beside: bool) -> impl Strategy<Value = Says> {
    use StopReason::*;
    let other = vec![
        EndTurn,
        PauseTurn,
        MaxTokens,
        Refusal,
        Compaction,
        ContextWindowExceeded,
        ToolUse,
        Other("solar_flare".to_owned()),
    ];
    let stop = prop_oneof![5 => Just(None), 1 => select(other).prop_map(Some)];
    let pace = select(vec![(0, 0), (7, 0), (0, 3)]);
    let reply = (vec(part(beside), 0..5), stop, pace);
    prop_oneof![
        14 => reply.prop_map(|(parts, stop, (latency, per_token))| Says::Reply { parts, stop, latency, per_token }),
        2 => (0..4usize).prop_map(|keep| Says::Compacts { keep }),
        1 => Just(Says::Fails),
        1 => Just(Says::Panics),
    ]
}

/// What makes several calls, or has to do with calls in the background.
const BESIDE: &[(&str, &str)] = &[
    ("ask_later", DO_IT),
    ("ask_all", DO_IT),
    ("check_background_calls", "{}"),
    ("wait_for_background_calls", "{}"),
    ("wait_for_background_calls", r#"{"seconds":0.01}"#),
    ("wait_for_background_calls", r#"{"seconds":1e300,"calls":["a"]}"#),
    ("stop_background_calls", "{}"),
    ("stop_background_calls", r#"{"calls":[]}"#),
    (
        "plan",
        r#"{"steps":[{"id":"a","tool":"act","input":{"ms":10}},{"id":"b","tool":"act_later","input":{"say":{"$from":"a"}}}]}"#,
    ),
    (
        "plan",
        r#"{"enough":1,"steps":[{"id":"a","tool":"act","input":{"ask":"May I?"}},{"id":"b","tool":"bob","input":{"task":"x"}}]}"#,
    ),
];

fn part(beside: bool) -> impl Strategy<Value = Part> {
    let id = || of(&["", "", "", "0", "a", "b c", "a_2"]);
    let tool = of(&["act", "act", "act_first", "act_alone", "act_briefly", "unknown", "od.d"]);
    let anyone = || of(&["bob", "bob", "ann", "cyd", "bob", "cyd", "dan", "nobody"]);
    prop_oneof![
        2 => of(&["Yes.", "", " \n", "Well, "]).prop_map(Part::Text),
        1 => of(&["c2ln", ""]).prop_map(|signature| Part::Thinking { signature }),
        4 => (id(), tool, of(TOLD)).prop_map(|(id, tool, input)| Part::Call { id, tool, input }),
        3 => (id(), anyone(), of(TASKS)).prop_map(|(id, to, input)| Part::Delegate { id, to, input }),
        2 => (id(), anyone()).prop_map(|(id, to)| Part::HandOver { id, to }),
        if beside { 3 } else { 0 } => (id(), of(&["act_later", "act_later", "act_soon"]), of(TOLD))
            .prop_map(|(id, tool, input)| Part::Call { id, tool, input }),
        if beside { 3 } else { 0 } => (id(), select(BESIDE))
            .prop_map(|(id, (tool, input))| Part::Call { id, tool, input }),
    ]
}

fn of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    select(words)
}
