//! What a front end with `useChat` gets of the events of a run.

use std::time::Duration;

use agent_core::{
    Block, Delta, End, Event, EventKind, Response, SharedText, StopReason, Usage,
    model::{Notice, Piece},
};
use insta::assert_snapshot;
use serde_json::json;

use super::UiMessages;

/// The chunks of these events, a line each. An event has the depth of its conversation's id.
fn check(events: impl IntoIterator<Item = (&'static str, EventKind)>) -> String {
    let mut messages = UiMessages::new();
    let event = |id: &str, kind| {
        let depth = id.matches('/').count() as u32;
        Event::new(Duration::ZERO, id, depth, if depth == 0 { "main" } else { "clerk" }, kind)
    };
    let mut sent: Vec<_> =
        events.into_iter().flat_map(|(id, kind)| messages.chunks(&event(id, kind))).collect();
    sent.extend(messages.end());
    sent.iter().map(|chunk| serde_json::to_string(chunk).unwrap()).collect::<Vec<_>>().join("\n")
}

fn text() -> SharedText {
    "text".into()
}

fn turn() -> EventKind {
    EventKind::TurnStarted { messages: Vec::new() }
}

fn turn_ended() -> EventKind {
    serde_json::from_value(json!({
        "kind": "turn_ended", "value": {"stop_reason": "tool_use", "calls": 1, "usage": Usage::default()}
    }))
    .unwrap()
}

fn block(index: usize, block: Block) -> EventKind {
    EventKind::Delta(Delta::Block { index, block })
}

fn piece(index: usize, piece: Piece) -> EventKind {
    EventKind::Delta(Delta::Piece { index, piece })
}

fn call(id: &str) -> Block {
    Block::tool_use(id, "add", json!({}))
}

fn started(id: &str) -> EventKind {
    EventKind::CallStarted { id: id.into(), tool: "add".into(), input: json!({"n": 1}).into() }
}

fn ended(id: &str, result: Result<&str, &str>) -> EventKind {
    let (is_error, result) = (result.is_err(), result.unwrap_or_else(|error| error).into());
    EventKind::CallEnded { id: id.into(), tool: "add".into(), is_error, result }
}

fn answered() -> EventKind {
    EventKind::Ended(End::Answered("Done.".to_owned()))
}

#[test]
fn a_streamed_reply_has_its_thinking_its_text_and_its_calls() {
    let thinking = Block::from_json(json!({"type": "thinking", "thinking": "", "signature": ""}).into());
    let end = |index| EventKind::Delta(Delta::BlockEnd { index });
    let events = [
        turn(),
        block(0, thinking.unwrap()),
        piece(0, Piece::Thinking("Hm.".to_owned())),
        piece(0, Piece::Signature("abc".to_owned())),
        end(0),
        piece(1, Piece::Text("Let me ".to_owned())),
        piece(1, Piece::Text("add.".to_owned())),
        block(2, call("a")),
        piece(2, Piece::Input(r#"{"n": 1}"#.to_owned())),
        end(2),
        turn_ended(),
        started("a"),
        EventKind::CallProgress { id: "a".into(), tool: text(), text: "half".into(), dropped: 0 },
        ended("a", Ok(r#"{"sum": 3}"#)),
        turn(),
        EventKind::Delta(Delta::complete(Response::text("Three."))),
        turn_ended(),
        answered(),
    ];
    assert_snapshot!(check(events.map(|kind| ("run", kind))), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"reasoning-start","id":"1"}
    {"type":"reasoning-delta","id":"1","delta":"Hm."}
    {"type":"reasoning-end","id":"1"}
    {"type":"text-start","id":"2"}
    {"type":"text-delta","id":"2","delta":"Let me "}
    {"type":"text-delta","id":"2","delta":"add."}
    {"type":"tool-input-start","toolCallId":"a","toolName":"add"}
    {"type":"tool-input-delta","toolCallId":"a","inputTextDelta":"{\"n\": 1}"}
    {"type":"text-end","id":"2"}
    {"type":"tool-input-available","toolCallId":"a","toolName":"add","input":{"n":1}}
    {"type":"data-status","data":{"toolCallId":"a","text":"half"},"transient":true}
    {"type":"tool-output-available","toolCallId":"a","output":{"sum": 3}}
    {"type":"finish-step"}
    {"type":"start-step"}
    {"type":"text-start","id":"3"}
    {"type":"text-delta","id":"3","delta":"Three."}
    {"type":"text-end","id":"3"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"stop"}
    "#);
}

#[test]
fn a_reply_that_begins_again_replaces_what_was_shown() {
    let events = [
        turn(),
        EventKind::Delta(Delta::Notice(Notice::Wait { wait: Duration::ZERO, reason: "queue".to_owned() })),
        piece(0, Piece::Text("Wro".to_owned())),
        EventKind::Delta(Delta::Restarted { reason: "cut".to_owned() }),
        piece(0, Piece::Text("Right.".to_owned())),
        turn_ended(),
        answered(),
    ];
    assert_snapshot!(check(events.map(|kind| ("run", kind))), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"data-status","data":{"toolCallId":null,"text":"queue"},"transient":true}
    {"type":"text-start","id":"1"}
    {"type":"text-delta","id":"1","delta":"Wro"}
    {"type":"reset-step"}
    {"type":"text-start","id":"2"}
    {"type":"text-delta","id":"2","delta":"Right."}
    {"type":"text-end","id":"2"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"stop"}
    "#);
}

#[test]
fn each_call_has_its_part_before_its_result_and_keeps_its_id() {
    let renamed = EventKind::IdReplaced { tool: text(), was: "a".into(), id: "call_0_0".into() };
    let not_made = EventKind::CallNotMade { id: "b".into(), tool: "add".into(), why: text() };
    let waits = EventKind::CallWaiting { id: "c".into(), key: "run/c".into(), question: "May it?".into() };
    let events = [
        turn(),
        block(0, call("a")),
        renamed,
        started("call_0_0"),
        ended("call_0_0", Err("no")),
        not_made,
        started("c"),
        waits,
        EventKind::Ended(End::Waiting(Vec::new())),
    ];
    assert_snapshot!(check(events.map(|kind| ("run", kind))), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"tool-input-start","toolCallId":"a","toolName":"add"}
    {"type":"tool-input-available","toolCallId":"a","toolName":"add","input":{"n":1}}
    {"type":"tool-output-error","toolCallId":"a","errorText":"no"}
    {"type":"tool-input-start","toolCallId":"b","toolName":"add"}
    {"type":"tool-output-error","toolCallId":"b","errorText":"text"}
    {"type":"tool-input-available","toolCallId":"c","toolName":"add","input":{"n":1}}
    {"type":"tool-approval-request","approvalId":"run/c","toolCallId":"c","reason":"May it?"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"tool-calls"}
    "#);
}

#[test]
fn a_call_in_the_background_has_its_result_in_its_own_part_replies_later() {
    let events = [
        turn(),
        block(0, call("a")),
        turn_ended(),
        started("a"),
        EventKind::CallDetached { id: "a".into(), tool: "add".into() },
        turn(),
        piece(0, Piece::Text("Wait.".to_owned())),
        EventKind::Delta(Delta::Restarted { reason: "cut".to_owned() }),
        piece(0, Piece::Text("Soon.".to_owned())),
        turn_ended(),
        ended("a", Ok("3")),
        answered(),
    ];
    assert_snapshot!(check(events.map(|kind| ("run", kind))), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"tool-input-start","toolCallId":"a","toolName":"add"}
    {"type":"tool-input-available","toolCallId":"a","toolName":"add","input":{"n":1}}
    {"type":"finish-step"}
    {"type":"start-step"}
    {"type":"text-start","id":"1"}
    {"type":"text-delta","id":"1","delta":"Wait."}
    {"type":"reset-step"}
    {"type":"text-start","id":"2"}
    {"type":"text-delta","id":"2","delta":"Soon."}
    {"type":"text-end","id":"2"}
    {"type":"tool-output-available","toolCallId":"a","output":"3"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"stop"}
    "#);
}

#[test]
fn delegated_agents_are_parts_of_their_own() {
    let handed = EventKind::Transferred { from: "front".into() };
    let events = [
        ("run", turn()),
        ("run", started("a")),
        ("run/a", turn()),
        ("run/a", piece(0, Piece::Text("Not in the message.".to_owned()))),
        ("run/a", started("b")),
        (
            "run/a",
            EventKind::CallWaiting { id: "b".into(), key: "run/a/b".into(), question: "May it?".into() },
        ),
        ("run/a/b", answered()),
        ("run/a", answered()),
        ("run", ended("a", Ok("Done."))),
        ("run", handed),
        ("run", answered()),
    ];
    assert_snapshot!(check(events), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"tool-input-available","toolCallId":"a","toolName":"add","input":{"n":1}}
    {"type":"data-agent","id":"run/a","data":{"agent":"clerk","toolCallId":"a","does":"thinks"}}
    {"type":"data-agent","id":"run/a","data":{"agent":"clerk","toolCallId":"a","does":"calls add"}}
    {"type":"data-agent","id":"run/a","data":{"agent":"clerk","toolCallId":"a","does":"asks: May it?","approvalId":"run/a/b"}}
    {"type":"data-agent","id":"run/a/b","data":{"agent":"clerk","toolCallId":"a","does":"has answered"}}
    {"type":"data-agent","id":"run/a","data":{"agent":"clerk","toolCallId":"a","does":"has answered"}}
    {"type":"tool-output-available","toolCallId":"a","output":"Done."}
    {"type":"data-agent","id":"run","data":{"agent":"main","toolCallId":null,"does":"has the conversation"}}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"stop"}
    "#);
}

#[test]
fn an_end_without_an_answer_says_why() {
    let failed = EventKind::TurnFailed { error: "no credit".into(), kind: None, usage: Usage::default() };
    assert_snapshot!(check([("run", turn()), ("run", failed.clone())]), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"error","errorText":"no credit"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"error"}
    "#);
    // A run that was cancelled did not fail.
    let cancelled = EventKind::TurnFailed { error: "cancelled".into(), kind: None, usage: Usage::default() };
    assert_snapshot!(check([("run", turn()), ("run", cancelled)]), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"abort"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"other"}
    "#);
    assert_snapshot!(check([("run", turn())]), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"error","errorText":"the run stopped without an answer"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"error"}
    "#);
    // Another agent goes on.
    assert_snapshot!(check([("run", failed), ("run", turn()), ("run", turn_ended()), ("run", answered())]), @r#"
    {"type":"start"}
    {"type":"start-step"}
    {"type":"finish-step"}
    {"type":"finish","finishReason":"stop"}
    "#);
    let end = |end| check([("run", EventKind::Ended(end))]);
    assert_snapshot!(end(End::Cut(StopReason::MaxTokens)), @r#"
    {"type":"start"}
    {"type":"finish","finishReason":"length"}
    "#);
    assert_snapshot!(end(End::Cut(StopReason::Cancelled)), @r#"
    {"type":"start"}
    {"type":"abort"}
    {"type":"finish","finishReason":"other"}
    "#);
    assert_snapshot!(end(End::Refused(None)), @r#"
    {"type":"start"}
    {"type":"finish","finishReason":"content-filter"}
    "#);
    assert_snapshot!(end(End::TurnLimit(3)), @r#"
    {"type":"start"}
    {"type":"error","errorText":"no answer after 3 turns"}
    {"type":"finish","finishReason":"other"}
    "#);
}
