//! Whether `docs/event.schema.json` says of events what serde reads and writes.

use std::time::Duration;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use super::{Event, EventKind, QueueReason};
use crate::{
    Block, BudgetExceeded, Delta, End, LlmErrorKind, Message, Notice, Piece, Response, SharedText,
    StopReason, Usage, model::Counts,
};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/event.schema.json");

fn schema() -> (Schemas, SchemaIndex) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let index = compiler.compile(SCHEMA, &mut schemas).unwrap();
    (schemas, index)
}

/// One or more of each kind. A new kind does not compile until it has a line in `is_sampled`.
fn samples() -> Vec<EventKind> {
    let text = || SharedText::from("text");
    let [id, tool, why, from, to] = [text(), text(), text(), text(), text()];
    let usage = Usage::new(3, 5);
    let mut all = vec![
        EventKind::TurnStarted { messages: vec![Message::user("Hi.")] },
        EventKind::TurnEnded {
            stop_reason: StopReason::EndTurn,
            calls: 1,
            usage,
            response: Some(text()),
            model: Some(text()),
            first_piece: Some(Duration::from_millis(3)),
        },
        EventKind::IdReplaced { tool: text(), was: text(), id: text() },
        EventKind::CallNotMade { id: text(), tool: text(), why: text() },
        EventKind::TurnFailed { error: text(), kind: Some(LlmErrorKind::Server), usage },
        EventKind::CallStarted { id: text(), tool: text(), input: json!({"n": 1}).into() },
        EventKind::PlanStarted { id: text(), tool: text() },
        EventKind::CallCouldStartEarlier { id: text(), tool: text(), by: Duration::from_millis(70) },
        EventKind::CallDiscarded { id: text(), tool: text() },
        EventKind::CallGoesOn { id: text(), tool: text(), why },
        EventKind::CallQueued { id: text(), tool: text(), why: QueueReason::Permit },
        EventKind::CallProgress { id: text(), tool: text(), text: text(), dropped: 0 },
        EventKind::Delegated { id: text(), to: text(), conversation: text() },
        EventKind::CallDetached { id: text(), tool: text() },
        EventKind::CallEnded { id: text(), tool, is_error: false, result: text() },
        EventKind::CallWaiting { id: text(), key: text(), question: text() },
        EventKind::TransferAsked { id, to },
        EventKind::Transferred { from: text() },
        EventKind::TransferFailed { from: text(), why: text() },
        EventKind::CameBack { from, why: text() },
    ];
    all.extend(deltas().into_iter().map(EventKind::Delta));
    all.extend(ends().into_iter().map(EventKind::Ended));
    all
}

fn deltas() -> Vec<Delta> {
    let (text, extra) = (|| "text".to_owned(), Default::default);
    let usage = || Box::new(Counts::new(3, 5));
    let piece = |piece| Delta::Piece { index: 0, piece };
    let mut all = vec![
        Delta::Start { id: None, model: Some("text".into()), usage: usage(), extra: extra() },
        Delta::Block { index: 0, block: Block::text("") },
        piece(Piece::Text(text())),
        piece(Piece::Thinking(text())),
        piece(Piece::Signature(text())),
        piece(Piece::Input(text())),
        piece(Piece::Citation(json!({}).into())),
        piece(Piece::Other(json!({}).into())),
        Delta::BlockEnd { index: 0 },
        Delta::Stop { stop_reason: StopReason::EndTurn, stop_details: None, usage: usage(), extra: extra() },
        Delta::complete(Response::text("Hi.")),
        Delta::Restarted { reason: text() },
    ];
    let (wait, reset) = (Duration::from_secs(1), Duration::from_secs(2));
    let notices = [
        Notice::Retry { attempt: 1, wait, reason: text() },
        Notice::Wait { wait, reason: text() },
        Notice::Omitted { parts: vec![text()] },
        Notice::Compacted { messages: 1, tokens: 2, summary_tokens: 3 },
        Notice::NotCompacted { reason: text() },
        Notice::Estimated { reason: text() },
        Notice::RateLimit { of: text().into(), limit: 1, remaining: 1, reset },
        Notice::Guard { guard: text(), did: text() },
        Notice::Budget { message: text() },
        Notice::Sent { provider: text().into(), model: text().into(), server: Some(text().into()) },
    ];
    all.extend(notices.map(Delta::Notice));
    all
}

fn ends() -> Vec<End> {
    let waiting = json!({
        "Waiting": [{
            "key": "run/a", "agent": "main", "question": "May it?",
            "call": {"id": "a", "name": "pay", "input": {}}
        }]
    });
    let exceeded: BudgetExceeded = serde_json::from_value(
        json!({"scope": {"shared": "team"}, "of": "usd", "limit": 5, "spent": 4, "needed": 2}),
    )
    .unwrap();
    vec![
        End::Answered("Hi.".to_owned()),
        serde_json::from_value(waiting).unwrap(),
        End::Cut(StopReason::MaxTokens),
        End::Refused(None),
        End::TurnLimit(7),
        End::Budget(exceeded),
        End::Other("odd".to_owned()),
    ]
}

/// Whether each kind is among the samples. It only has to name them all.
fn is_sampled(kind: &EventKind) -> bool {
    match kind {
        EventKind::TurnStarted { .. }
        | EventKind::Delta(_)
        | EventKind::TurnEnded { .. }
        | EventKind::IdReplaced { .. }
        | EventKind::CallNotMade { .. }
        | EventKind::TurnFailed { .. }
        | EventKind::CallStarted { .. }
        | EventKind::PlanStarted { .. }
        | EventKind::CallCouldStartEarlier { .. }
        | EventKind::CallDiscarded { .. }
        | EventKind::CallGoesOn { .. }
        | EventKind::CallQueued { .. }
        | EventKind::CallProgress { .. }
        | EventKind::Delegated { .. }
        | EventKind::CallDetached { .. }
        | EventKind::CallEnded { .. }
        | EventKind::CallWaiting { .. }
        | EventKind::TransferAsked { .. }
        | EventKind::Transferred { .. }
        | EventKind::TransferFailed { .. }
        | EventKind::CameBack { .. }
        | EventKind::Ended(_) => true,
        EventKind::Other { .. } => false,
    }
}

fn written(kind: EventKind) -> Value {
    assert!(is_sampled(&kind));
    serde_json::to_value(Event::new(Duration::from_millis(1), "run", 0, "main", kind)).unwrap()
}

/// The JSON pointers of all fields of an object, except inside of `skip`.
fn fields(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    let Some(object) = value.as_object() else { return };
    for (name, inner) in object {
        found.push((path.to_owned(), name.clone()));
        fields(inner, &format!("{path}/{name}"), found);
    }
}

#[test]
fn the_schema_takes_what_serde_writes_and_refuses_what_serde_refuses() {
    let (schemas, index) = schema();
    let takes = |event: &Value| schemas.validate(event, index).is_ok();
    let mut refused = 0;
    for event in samples().into_iter().map(written) {
        if let Err(error) = schemas.validate(&event, index) {
            panic!("{error:#}: {event}");
        }
        let mut all = Vec::new();
        fields(&event, "", &mut all);
        for (path, name) in all {
            let mut less = event.clone();
            less.pointer_mut(&path).unwrap().as_object_mut().unwrap().remove(&name);
            let is_read = serde_json::from_value::<Event>(less.clone()).is_ok();
            // What is read leniently may still be required here, but not the other way round.
            assert!(is_read || !takes(&less), "serde needs {path}/{name}: {event}");
            refused += usize::from(!takes(&less));
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn the_schema_takes_what_a_later_version_adds() {
    let (schemas, index) = schema();
    let check = |kind: Value| {
        let event = json!({
            "v": 1, "at_ms": 1.5, "conversation": "run", "depth": 0, "agent": "main", "new": 1, "kind": kind
        });
        assert!(schemas.validate(&event, index).is_ok(), "{event}");
    };
    check(json!({"kind": "sung"}));
    check(json!({"kind": "sung", "value": 3}));
    check(json!({"kind": "delta", "value": {"kind": "hummed"}}));
    check(json!({"kind": "transferred", "value": {"from": "a", "new": 1}}));
}
