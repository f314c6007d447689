//! Whole runs of an agent with tools.

use agent_core::{Block, StopReason, script::Reply};
use serde_json::{Value, json};

use crate::{
    Fault,
    conformance::{
        case::Case,
        tools::{BROKEN, CAMERA, ODD, WEATHER},
    },
};

const DONE: &str = "Done.";

pub(super) fn cases() -> Vec<Case> {
    [complete(), broken()].concat()
}

/// Runs in which the server does nothing wrong.
fn complete() -> Vec<Case> {
    let (oslo, lima) = (|| city("Oslo"), || city("Lima"));
    let two = |a: &str, b: &str| {
        let reply = Reply::default().and_block(Block::tool_use(a, WEATHER, oslo()));
        reply.and_block(Block::tool_use(b, WEATHER, lima()))
    };
    let both = || [(WEATHER, oslo()), (WEATHER, lima())];
    let run = |name, purpose, first: Reply, calls: Vec<(&'static str, Value)>| {
        Case::run(name, purpose, [first, Reply::text(DONE)], calls, DONE)
    };
    let results = Reply::call(BROKEN, json!({})).and_call(CAMERA, json!({}));
    vec![
        run(
            "run with parallel calls",
            "Each call is made once, and the results go back.",
            two("a", "b"),
            both().into(),
        ),
        run("one id twice", "Two calls with the same id are two calls.", two("a", "a"), both().into()),
        run(
            "odd ids",
            "Calls with ids that other APIs refuse are made, and their results are accepted.",
            two("chatcmpl-tool:1.2|ü \"x\"", "functions.weather:0"),
            both().into(),
        ),
        run(
            "long ids",
            "Calls with ids that are too long for other APIs are made, and their results are accepted.",
            two("a", &"i".repeat(200)),
            both().into(),
        ),
        run(
            "blank ids",
            "Calls with blank ids are made, and their results are accepted.",
            two(" ", "  "),
            both().into(),
        ),
        run(
            "odd tool name",
            "A call reaches the tool of its name.",
            Reply::call(ODD, oslo()),
            vec![(ODD, oslo())],
        ),
        run(
            "failed calls and pictures",
            "Errors and pictures of tools go back in a form that the server takes.",
            results,
            vec![(BROKEN, json!({})), (CAMERA, json!({}))],
        ),
        Case::run(
            "call cut by max_tokens",
            "A call of a reply that was cut is not made, and the history stays valid.",
            [Reply::text("Let me look.").and_call(WEATHER, oslo()).stop(StopReason::MaxTokens)],
            [],
            "the reply was cut: max_tokens",
        ),
        Case::run(
            "half call cut by max_tokens",
            "A call whose input was cut is not made, and the history stays valid.",
            [Reply::text("Let me look.")
                .and_call(WEATHER, json!({"INVALID_JSON": "{\"city\": \"Os"}))
                .stop(StopReason::MaxTokens)],
            [],
            "the reply was cut: max_tokens",
        ),
    ]
}

/// Runs whose first reply breaks off in its second call. The request is made again, by the backend
/// or by the next run.
fn broken() -> Vec<Case> {
    // Several fragments, of which the fault comes after the first.
    let week = |city: &str| json!({"city": city, "days": ["Monday", "Tuesday", "Wednesday", "Thursday"]});
    let run = |name, purpose, fault| {
        let reply =
            Reply::text("Let me look.").and_call(WEATHER, city("Oslo")).and_call(WEATHER, week("Lima"));
        let calls = [(WEATHER, city("Oslo")), (WEATHER, week("Lima"))];
        Case::run(name, purpose, [reply, Reply::text(DONE)], calls, DONE).with(fault)
    };
    vec![
        run(
            "connection closed in a call",
            "After a cut, half a call is not made, and whole calls are made once.",
            Fault::cut("Lima"),
        ),
        run("stream ended in a call", "A stream that ends too early is no reply.", Fault::end("Lima")),
        run(
            "error event in a call",
            "After an error in the stream, no call of it is made.",
            Fault::error_event("Lima", "overloaded_error", "Overloaded"),
        ),
    ]
}

fn city(name: &str) -> Value {
    json!({"city": name})
}
