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
    [ids(), others(), cut(), broken()].concat()
}

/// Runs with two calls of these ids.
fn ids() -> Vec<Case> {
    let run = |name, purpose, ids: [&str; 2]| {
        let [first, second] = ids;
        let calls = [(WEATHER, city("Oslo")), (WEATHER, city("Lima"))];
        let reply = Reply::default().and_block(Block::tool_use(first, WEATHER, city("Oslo")));
        let reply = reply.and_block(Block::tool_use(second, WEATHER, city("Lima")));
        Case::run(name, purpose, [reply, Reply::text(DONE)], calls, DONE)
    };
    let purpose = "Calls with ids that other APIs refuse are made, and their results are accepted.";
    let long = "i".repeat(200);
    vec![
        run("run with parallel calls", "Each call is made once, and the results go back.", ["a", "b"]),
        run("one id twice", "Two calls with the same id are two calls.", ["a", "a"]),
        run("odd ids", purpose, ["chatcmpl-tool:1.2|ü \"x\"", "functions.weather:0"]),
        run("long ids", purpose, ["a", &long]),
        run("blank ids", purpose, [" ", "  "]),
    ]
}

/// Runs with other tools.
fn others() -> Vec<Case> {
    let run = |name, purpose, first: Reply, calls: Vec<(&'static str, Value)>| {
        Case::run(name, purpose, [first, Reply::text(DONE)], calls, DONE)
    };
    vec![
        run(
            "odd tool name",
            "A call reaches the tool of its name.",
            Reply::call(ODD, city("Oslo")),
            vec![(ODD, city("Oslo"))],
        ),
        run(
            "failed calls and pictures",
            "Errors and pictures of tools go back in a form that the server takes.",
            Reply::call(BROKEN, json!({})).and_call(CAMERA, json!({})),
            vec![(BROKEN, json!({})), (CAMERA, json!({}))],
        ),
    ]
}

/// Runs whose first reply is cut. No call of it is made.
fn cut() -> Vec<Case> {
    let run = |name, purpose, input: Value| {
        let reply = Reply::text("Let me look.").and_call(WEATHER, input).stop(StopReason::MaxTokens);
        Case::run(name, purpose, [reply], [], "the reply was cut: max_tokens")
    };
    vec![
        run(
            "call cut by max_tokens",
            "A call of a reply that was cut is not made, and the history stays valid.",
            city("Oslo"),
        ),
        run(
            "half call cut by max_tokens",
            "A call whose input was cut is not made, and the history stays valid.",
            json!({"INVALID_JSON": "{\"city\": \"Os"}),
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
