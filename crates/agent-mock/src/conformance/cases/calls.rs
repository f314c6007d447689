//! Replies with tool calls.

use agent_core::{Block, script::Reply};
use serde_json::{Value, json};

use crate::conformance::{
    case::Case,
    tools::{CAMERA, ODD, WEATHER},
};

pub(super) fn cases() -> Vec<Case> {
    [several(), inputs()].concat()
}

/// One call and more.
fn several() -> Vec<Case> {
    vec![
        Case::reply(
            "one call",
            "A call has its id, its name and its input.",
            call("a", WEATHER, city("Oslo")),
        ),
        Case::reply(
            "two parallel calls",
            "Each call of a reply keeps its own id, name and input.",
            and_call(call("a", WEATHER, city("Oslo")), "b", WEATHER, city("Lima")),
        ),
        Case::reply(
            "three parallel calls in fragments",
            "The fragments of an input are put together, each with those of its own call.",
            and_call(
                and_call(call("a", WEATHER, long("Oslo")), "b", ODD, long("Lima")),
                "c",
                WEATHER,
                long("Rome"),
            ),
        ),
        Case::reply(
            "text before calls",
            "Text before calls stands before them.",
            and_call(with_text(), "b", WEATHER, city("Lima")),
        ),
        Case::reply(
            "unknown tool",
            "A call of a tool that does not exist is passed on; the loop answers it.",
            call("a", "no_such_tool", city("Oslo")),
        ),
    ]
}

/// Inputs of all kinds.
fn inputs() -> Vec<Case> {
    let odd = json!({"city": "\"Åre\" \\ {}[]\n🦀", "deep": {"list": [1, -2.5, null, {"x": [[]]}]}});
    vec![
        Case::reply(
            "empty input",
            "A call without parameters has the input {}.",
            call("a", CAMERA, json!({})),
        ),
        Case::reply(
            "odd input",
            "Nested inputs with special characters arrive unchanged.",
            call("a", WEATHER, odd),
        ),
        Case::reply(
            "broken input",
            "An input that is not JSON costs neither the reply nor the other calls.",
            and_call(call("a", WEATHER, json!({"INVALID_JSON": "{\"city\": "})), "b", WEATHER, city("Lima")),
        ),
    ]
}

fn city(name: &str) -> Value {
    json!({"city": name})
}

/// An input of several fragments.
fn long(name: &str) -> Value {
    json!({"city": name, "days": ["Monday", "Tuesday", "Wednesday", "Thursday"], "unit": "celsius"})
}

fn with_text() -> Reply {
    and_call(Reply::text("Let me look at both."), "a", WEATHER, city("Oslo"))
}

fn call(id: &str, name: &str, input: Value) -> Reply {
    and_call(Reply::default(), id, name, input)
}

fn and_call(reply: Reply, id: &str, name: &str, input: Value) -> Reply {
    reply.and_block(Block::tool_use(id, name, input))
}
