//! What a page is told.

use agent_core::{
    End, Event, EventKind, RunError, StopReason,
    event::{LiveText, TextChange},
};
use serde_json::{Value, json};

/// One server-sent event: its name, and its data as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) name: &'static str,
    pub(crate) data: Value,
}

impl Frame {
    pub(crate) fn new(name: &'static str, data: Value) -> Self {
        Self { name, data }
    }
}

/// What the page is told of an event. Of conversations that were delegated it shows the calls, and
/// no words: `live` is one of the top level.
pub(crate) fn frames(live: &mut LiveText, event: &Event) -> Vec<Frame> {
    let words = live.see(event).into_iter().filter_map(|change| match change {
        TextChange::Words(text) => Some(Frame::new("words", json!({"text": text}))),
        TextChange::Withdrawn { text, .. } => Some(Frame::new("withdrawn", json!({"text": text}))),
        _ => None,
    });
    // Ids of calls are unique in their conversation.
    let key = |id: &str| format!("{}/{id}", event.conversation);
    let call = match &event.kind {
        EventKind::CallStarted { id, tool, input } => {
            Some(Frame::new("call", json!({"id": key(id), "tool": tool, "input": input.text()})))
        }
        EventKind::CallProgress { id, text, .. } => {
            Some(Frame::new("progress", json!({"id": key(id), "text": text})))
        }
        EventKind::CallEnded { id, is_error, result, .. } => {
            Some(Frame::new("result", json!({"id": key(id), "failed": is_error, "text": result})))
        }
        _ => None,
    };
    words.chain(call).collect()
}

/// How a run ended. The page must hear of an error, too, else it would wait for ever.
pub(crate) fn end(end: Result<End, RunError>) -> Frame {
    let error = match end {
        Ok(End::Answered(_)) => return Frame::new("end", json!({})),
        Ok(End::Cut(StopReason::Cancelled)) | Err(RunError::Cancelled) => "stopped".to_owned(),
        Ok(End::Cut(_)) => "the reply was too long, and is cut".to_owned(),
        Ok(End::Refused(_)) => "the model declined to answer".to_owned(),
        Ok(End::TurnLimit(turns)) => format!("no answer after {turns} turns"),
        Ok(End::Waiting(calls)) => format!("{} calls wait for a person", calls.len()),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    };
    Frame::new("end", json!({"error": error}))
}
