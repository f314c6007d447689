//! As the Messages API writes replies.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Written, named_event, pieces};
use crate::plot::Said;

pub(super) fn written(turn: usize, said: &[Said]) -> Written {
    let stop = if said.iter().any(Said::is_call) { "tool_use" } else { "end_turn" };
    let usage = json!({"input_tokens": 420, "output_tokens": 42, "cache_read_input_tokens": 0});
    let head = |content: Vec<Value>, stop: Option<&str>| {
        json!({
            "id": format!("msg_{turn}"), "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
            "content": content, "stop_reason": stop, "stop_sequence": null, "usage": usage,
        })
    };
    let whole = head(said.iter().map(block).collect(), Some(stop)).to_string().into();
    let mut streamed =
        vec![vec![named_event(json!({"type": "message_start", "message": head(vec![], None)}))]];
    streamed.extend(said.iter().enumerate().map(|(index, said)| events(index, said)));
    let last = streamed.last_mut().expect("it has its start");
    let delta = json!({"stop_reason": stop, "stop_sequence": null});
    last.push(named_event(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 42}})));
    last.push(named_event(json!({"type": "message_stop"})));
    Written { whole, streamed }
}

fn block(said: &Said) -> Value {
    match said {
        Said::Words(text) => json!({"type": "text", "text": text}),
        Said::Call { id, name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": input})
        }
    }
}

/// A block as the API streams it: begun empty, filled in pieces, ended.
fn events(index: usize, said: &Said) -> Vec<Bytes> {
    let mut empty = block(said);
    let (text, kind, field) = match said {
        Said::Words(text) => {
            empty["text"] = json!("");
            ((*text).to_owned(), "text_delta", "text")
        }
        Said::Call { input, .. } => {
            empty["input"] = json!({});
            (input.to_string(), "input_json_delta", "partial_json")
        }
    };
    let mut events =
        vec![named_event(json!({"type": "content_block_start", "index": index, "content_block": empty}))];
    for piece in pieces(&text) {
        let delta = json!({"type": kind, field: piece});
        events.push(named_event(json!({"type": "content_block_delta", "index": index, "delta": delta})));
    }
    events.push(named_event(json!({"type": "content_block_stop", "index": index})));
    events
}
