//! Events that runs seldom tell, told by hand.

use std::time::Duration;

use agent_core::{Delta, End, Event, EventKind, StopReason, Usage, model::Notice};
use agent_otel::Traces;

use crate::common::{Recorder, attribute, ms};

fn turn_started() -> EventKind {
    EventKind::TurnStarted { messages: Vec::new() }
}

fn turn_ended(calls: usize) -> EventKind {
    EventKind::TurnEnded {
        stop_reason: StopReason::EndTurn,
        calls,
        usage: Usage::default(),
        response: None,
        model: None,
        first_piece: None,
    }
}

fn call_started(id: &str) -> EventKind {
    let (id, tool) = (id.into(), "look".into());
    EventKind::CallStarted { id, tool, input: serde_json::json!({}).into() }
}

fn call_ended(id: &str) -> EventKind {
    let (id, tool) = (id.into(), "look".into());
    EventKind::CallEnded { id, tool, is_error: false, result: "".into() }
}

fn replaced(was: &str, id: &str) -> EventKind {
    EventKind::IdReplaced { tool: "look".into(), was: was.into(), id: id.into() }
}

/// The spans of these events, each 100 ms after the one before it.
fn check(kinds: Vec<EventKind>, attributes: &[&str]) -> String {
    let recorder = Recorder::new(Traces::builder());
    let listener = recorder.traces.listener();
    for (place, kind) in kinds.into_iter().enumerate() {
        listener(&Event::new(ms(100 * place as u64), "run", 0, "main", kind));
    }
    recorder.assert_nothing_is_open();
    recorder.tree(attributes)
}

fn answered() -> EventKind {
    EventKind::Ended(End::Answered(String::new()))
}

#[test]
fn a_wait_ends_with_the_next_piece_where_a_client_does_not_say_what_it_sends() {
    let wait = Delta::Notice(Notice::Wait { wait: Duration::ZERO, reason: "a place".to_owned() });
    let deltas = [wait, Delta::words(0, "Hi."), Delta::words(0, " Hi.")].map(EventKind::Delta);
    let kinds = [vec![turn_started()], deltas.to_vec(), vec![turn_ended(0), answered()]].concat();
    insta::assert_snapshot!(check(kinds, &["agent.wait.gate_ms"]), @r#"
    invoke_agent main 0-500
      chat 0-400 gate_ms=100
        * 100 agent.wait.gate agent.wait.expected_ms=0 agent.reason=a place
    "#);
}

#[test]
fn a_turn_says_that_a_summary_was_sent() {
    let compacted = Notice::Compacted { messages: 9, tokens: 900, summary_tokens: 10 };
    let restarted = Delta::Restarted { reason: "it broke off".to_owned() };
    let deltas = [Delta::Notice(compacted), restarted].map(EventKind::Delta);
    let kinds = [vec![turn_started()], deltas.to_vec(), vec![turn_ended(0), answered()]].concat();
    insta::assert_snapshot!(check(kinds, &["gen_ai.conversation.compacted"]), @r#"
    invoke_agent main 0-400
      chat 0-300 compacted=true
        * 100 agent.compacted
        * 200 agent.reply.restarted
    "#);
}

#[test]
fn a_call_that_started_early_keeps_its_span_when_it_gets_another_id() {
    let kinds = vec![
        turn_started(),
        replaced("0", "a"),
        call_started("a"),
        replaced("a", "b"),
        turn_ended(1),
        call_ended("b"),
        turn_started(),
        turn_ended(0),
        answered(),
    ];
    insta::assert_snapshot!(check(kinds, &["gen_ai.tool.call.id"]), @r#"
    invoke_agent main 0-800
      chat 0-400
      execute_tool look 200-500 id=b
      chat 600-700
    "#);
}

#[test]
fn a_call_of_an_earlier_reply_keeps_its_id() {
    // A call that asked for a transfer is open while the other agent replies with the same id.
    let transfer = EventKind::TransferAsked { id: "0".into(), to: "other".into() };
    let kinds = vec![
        turn_started(),
        turn_ended(1),
        call_started("0"),
        transfer,
        turn_started(),
        replaced("0", "a"),
        turn_ended(1),
        call_ended("0"),
        call_started("a"),
        call_ended("a"),
        turn_started(),
        turn_ended(0),
        answered(),
    ];
    insta::assert_snapshot!(check(kinds, &["gen_ai.tool.call.id"]), @r#"
    invoke_agent main 0-1200
      chat 0-100
      execute_tool look 200-700 id=0
      chat 400-600
      execute_tool look 800-900 id=a
      chat 1000-1100
    "#);
}

#[test]
fn a_call_that_started_early_for_an_earlier_reply_keeps_its_id() {
    let kinds = vec![
        turn_started(),
        call_started("0"),
        turn_ended(1),
        turn_started(),
        replaced("0", "a"),
        turn_ended(0),
        call_ended("0"),
        answered(),
    ];
    insta::assert_snapshot!(check(kinds, &["gen_ai.tool.call.id"]), @r#"
    invoke_agent main 0-700
      chat 0-200
      execute_tool look 100-600 id=0
      chat 300-500
    "#);
}

#[test]
fn of_two_runs_with_one_id_each_ends_its_own_span() {
    let recorder = Recorder::default();
    let tell = |listener: &dyn Fn(&Event), kind| listener(&Event::new(ms(0), "run", 0, "main", kind));
    let (first, second) = (recorder.traces.listener(), recorder.traces.listener());
    tell(&first, turn_started());
    tell(&second, turn_started());
    let newest = recorder.traces.trace_parent("run").unwrap();
    drop(first);
    assert_eq!(recorder.traces.trace_parent("run"), Some(newest));
    drop(second);
    recorder.assert_nothing_is_open();
    assert_eq!(recorder.spans().len(), 4);
    assert!(recorder.spans().iter().all(|span| attribute(span, "error.type") == "dropped"));
}
