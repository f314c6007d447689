//! Requests with a history, which the server checks by the rules of its API.

use agent_core::{Block, Json, Message, Request, script::Reply};
use serde_json::json;

use crate::conformance::{
    case::{Case, asking, question},
    tools::{BROKEN, CAMERA, CAPTION, ERROR, PNG, WEATHER},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        answered(
            "whole request",
            "The server gets the system prompt, the tools and the question.",
            question(),
        )
        .sends([
            "You know the weather.",
            "How is the weather?",
            "Says how the weather is.",
            "its English name",
            "Takes a picture.",
        ]),
        answered(
            "long history",
            "All messages of a history are sent, in a form that the server takes.",
            long(),
        )
        .sends(["question 0", "answer 0", "sun in city 7", "question 19", "answer 19", "And now?"]),
        answered(
            "failed call",
            "The model reads what a failed call said.",
            asking(after_call(BROKEN, Block::tool_result("a", ERROR.into(), true))),
        )
        .sends([ERROR]),
        answered(
            "picture in a result",
            "A result with a picture is sent in a form that the server takes, with its text.",
            asking(after_call(CAMERA, picture())),
        )
        .sends([CAPTION]),
        answered(
            "history of another model",
            "What only another API can read is left out, and the rest of the history stays valid.",
            asking(foreign()),
        )
        .sends(["Let me search.", "sun in Oslo", "sun in Lima", "sun in Rome"]),
    ]
}

fn answered(name: &'static str, purpose: &'static str, request: Request) -> Case {
    Case::answered(name, purpose, request, Reply::text("It is sunny."))
}

fn result(id: &str, city: &str) -> Block {
    Block::tool_result(id, format!("sun in {city}").into(), false)
}

fn weather(id: &str, city: &str) -> Block {
    Block::tool_use(id, WEATHER, json!({"city": city}))
}

fn after_call(tool: &str, result: Block) -> Vec<Message> {
    vec![
        Message::user("How is the weather?"),
        Message::assistant(vec![Block::tool_use("a", tool, json!({}))]),
        Message::user(vec![result]),
    ]
}

fn picture() -> Block {
    Block::tool_result("a", vec![Block::text(CAPTION), Block::image("image/png", PNG)].into(), false)
}

/// Twenty turns, each with two calls.
fn long() -> Request {
    let turn = |turn: usize| {
        let (a, b, city) = (format!("a{turn}"), format!("b{turn}"), format!("city {turn}"));
        [
            Message::user(format!("question {turn}")),
            Message::assistant(vec![weather(&a, &city), weather(&b, "Lima")]),
            Message::user(vec![result(&a, &city), result(&b, "Lima")]),
            Message::assistant(format!("answer {turn}")),
        ]
    };
    asking((0..20).flat_map(turn).chain([Message::user("And now?")]).collect())
}

/// A turn that Claude began and another API went on with, in the middle of which a third model is
/// asked.
fn foreign() -> Vec<Message> {
    let block = |json: &str| {
        Block::from_json(Json::read(json).expect("it is JSON")).expect("it has the fields of its type")
    };
    let claudes = vec![
        block(r#"{"type":"thinking","thinking":"Where?","signature":"c2lnbmF0dXJl"}"#),
        Block::text("Let me search."),
        block(
            r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"weather"}}"#,
        ),
        block(r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}"#),
        weather("toolu_a", "Oslo"),
        weather("toolu_b", "Lima"),
    ];
    let item = r#"{"type":"openai:item","item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"only-openai-reads-this"}}"#;
    let openais = vec![
        block(r#"{"type":"thinking","thinking":"There.","signature":"openai:reasoning_content"}"#),
        block(item),
        weather("call_c", "Rome"),
    ];
    vec![
        Message::user("How is the weather?"),
        Message::assistant(claudes),
        Message::user(vec![result("toolu_a", "Oslo"), result("toolu_b", "Lima")]),
        Message::assistant(openais),
        Message::user(vec![result("call_c", "Rome")]),
    ]
}
