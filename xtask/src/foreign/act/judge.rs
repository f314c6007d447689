//! What the events of a run say about its server.

use agent_core::{Delta, Event, EventKind, model::Notice};

/// The server closed a connection that nobody used, at the moment when a request was sent on it. That is nobody's mistake.
const UNUSED: &str = "connection closed before message completed";

/// What is wrong with the replies and calls of a run, a sentence each. `expected` are the tools that are called.
pub(super) fn events(events: &[Event], expected: &[&str], streamed: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut made: Vec<&str> = Vec::new();
    let (mut pieces, mut wholes, mut turns) = (0, 0, 0);
    for event in events {
        match &event.kind {
            EventKind::CallEnded { tool, is_error, result, .. } => {
                made.push(tool);
                wrong.extend(is_error.then(|| format!("the call of {tool} failed: {result}")));
            }
            EventKind::IdReplaced { was, .. } => wrong.push(format!("a call has the id {was:?}")),
            EventKind::CallNotMade { tool, why, .. } => wrong.push(format!("{tool} was not called: {why}")),
            EventKind::Delta(Delta::Piece { .. }) => pieces += 1,
            EventKind::Delta(Delta::Complete(_)) => wholes += 1,
            EventKind::Delta(Delta::Notice(Notice::Retry { reason, .. })) if !reason.contains(UNUSED) => {
                wrong.push(format!("asked again: {reason}"));
            }
            EventKind::TurnEnded { usage, .. } => {
                turns += 1;
                let read = usage.input_tokens + usage.cache_read_input_tokens;
                let counted = read > 0 && usage.output_tokens > 0;
                wrong.extend(
                    (!counted).then(|| format!("tokens: {read} read, {} written", usage.output_tokens)),
                );
            }
            _ => {}
        }
    }
    made.sort_unstable();
    let came = (pieces > turns, wholes);
    let right = if streamed { (true, 0) } else { (false, turns) };
    wrong.extend((made != expected).then(|| format!("the calls are {made:?}, not {expected:?}")));
    wrong.extend(
        (came != right).then(|| format!("{turns} replies came as {pieces} pieces and {wholes} wholes")),
    );
    wrong.dedup();
    wrong
}
