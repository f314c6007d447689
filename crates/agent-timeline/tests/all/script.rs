//! Events written as lines, and a timeline as lines.

use agent_core::Event;
use agent_timeline::{BarKind, Timeline};
use serde_json::{Value, json};

/// Reads a script of events. Each line is the time in ms, the conversation, the agent, the kind and
/// its value, for example `300 run main call_ended {"id": "a", …}`. The depth is the number of `/`
/// in the conversation. A value that is not JSON is a short form; see [`value`].
pub(crate) fn events(script: &str) -> Vec<Event> {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(event).collect()
}

fn event(line: &str) -> Event {
    let mut words = line.splitn(5, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (at, conversation, agent, kind, rest) = (word(), word(), word(), word(), word());
    let kind = match value(kind, rest) {
        Value::Null => json!({"kind": kind}),
        value => json!({"kind": kind, "value": value}),
    };
    let depth = conversation.matches('/').count();
    let at: f64 = at.parse().unwrap_or_else(|_| panic!("a time: {line}"));
    let event =
        json!({"at_ms": at, "conversation": conversation, "depth": depth, "agent": agent, "kind": kind});
    serde_json::from_str(&event.to_string()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The value of a kind. What matters comes first, and the rest is made up.
fn value(kind: &str, rest: &str) -> Value {
    if rest.starts_with(['{', '[']) || rest.is_empty() && !kind.starts_with("turn_") {
        return serde_json::from_str(rest).unwrap_or(Value::Null);
    }
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    match kind {
        // Tokens in and out.
        "turn_ended" => turn_ended(first.parse().unwrap_or(0), second.parse().unwrap_or(0)),
        "turn_started" => turn_started(rest),
        "turn_failed" => turn_failed(rest),
        // A tool; its id is the tool's name, or what follows.
        "call_started" => call_started(first, id(first, second)),
        "call_queued" => call_queued(first, second),
        "call_ended" => json!({"id": first, "tool": first, "is_error": false, "result": second}),
        "call_failed" => unreachable!("use call_ended with JSON"),
        "delegated" => {
            json!({"id": first, "to": second.split(' ').next(), "conversation": second.split(' ').nth(1)})
        }
        "delta" => delta(first, second),
        "ended" => json!({"Answered": rest}),
        _ => panic!("{kind} needs JSON: {rest}"),
    }
}

fn id<'w>(tool: &'w str, id: &'w str) -> &'w str {
    if id.is_empty() { tool } else { id }
}

fn turn_started(asked: &str) -> Value {
    match asked {
        "" => json!({}),
        asked => json!({"messages": [{"role": "user", "content": asked}]}),
    }
}

fn turn_ended(input: u64, output: u64) -> Value {
    let usage = json!({"input_tokens": input, "output_tokens": output});
    json!({"stop_reason": "end_turn", "calls": 0, "usage": usage})
}

fn turn_failed(error: &str) -> Value {
    json!({"error": error, "usage": {"input_tokens": 7, "output_tokens": 0}})
}

fn call_started(tool: &str, id: &str) -> Value {
    json!({"id": id, "tool": tool, "input": {"of": id}})
}

fn call_queued(tool: &str, why: &str) -> Value {
    json!({"id": tool, "tool": tool, "why": why})
}

fn delta(kind: &str, rest: &str) -> Value {
    let piece =
        |kind: &str| json!({"kind": "piece", "value": {"index": 0, "piece": {"kind": kind, "value": rest}}});
    let notice = |value: Value| json!({"kind": "notice", "value": value});
    match kind {
        "text" | "thinking" => piece(kind),
        "wait" => notice(json!({"kind": "wait", "value": {"wait_ms": 0, "reason": rest}})),
        "retry" => notice(json!({"kind": "retry", "value": {"attempt": 1, "wait_ms": 100, "reason": rest}})),
        "sent" => {
            notice(json!({"kind": "sent", "value": {"provider": "anthropic", "model": rest, "server": null}}))
        }
        "limit" => notice(
            json!({"kind": "rate_limit", "value": {"of": "requests", "limit": 9, "remaining": 1, "reset_ms": 1}}),
        ),
        "restarted" => json!({"kind": "restarted", "value": {"reason": rest}}),
        _ => panic!("what is {kind}?"),
    }
}

/// Each bar on a line, indented by its lane's depth: its label, its states with their times in ms,
/// and what is special about it.
pub(crate) fn bars(timeline: &Timeline) -> String {
    let mut lines = String::new();
    for bar in timeline.bars() {
        let lane = &timeline.lanes()[bar.lane];
        let ms = |time: std::time::Duration| time.as_millis();
        let mut line = format!("{:indent$}", "", indent = 2 * lane.depth);
        line += &format!("{}: {}–{}", bar.label, ms(bar.start), ms(bar.end));
        for segment in &bar.segments {
            line += &format!(", {} {}–{}", segment.state.name(), ms(segment.start), ms(segment.end));
        }
        for (is, word) in [(bar.is_open, "open"), (bar.is_failed, "failed")] {
            if is {
                line += &format!(", {word}");
            }
        }
        if bar.kind == BarKind::Call {
            line += &format!(", lane {}", bar.lane);
        }
        lines += &(line + "\n");
    }
    lines
}

/// The critical path: a step on each line.
pub(crate) fn path(timeline: &Timeline) -> String {
    let step = |step: &agent_timeline::Step| {
        let bar = &timeline.bars()[step.bar];
        format!("{}–{} {} {}\n", step.start.as_millis(), step.end.as_millis(), bar.label, step.state.name())
    };
    timeline.critical_path().iter().map(step).collect()
}
