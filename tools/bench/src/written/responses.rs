//! As OpenAI's Responses API writes replies: each item piece by piece, then whole, and at the end the whole reply.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Written, named_event, pieces};
use crate::plot::Said;

pub(super) fn written(turn: usize, said: &[Said]) -> Written {
    let items: Vec<Value> = said.iter().enumerate().map(|(place, said)| item(turn, place, said)).collect();
    let reply = |status: &str, output: &[Value], usage: Value| {
        json!({
            "id": format!("resp_{turn}"), "object": "response", "created_at": 1_790_000_000, "status": status,
            "background": false, "error": null, "incomplete_details": null, "max_output_tokens": 8000,
            "model": "gpt-6.2-astra", "output": output, "parallel_tool_calls": true, "previous_response_id": null,
            "reasoning": {"effort": null, "summary": null}, "service_tier": "default", "store": false,
            "temperature": 1.0, "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": "auto",
            "top_p": 1.0, "truncation": "disabled", "usage": usage, "metadata": {},
        })
    };
    let usage = json!({
        "input_tokens": 420, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 42, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 462,
    });
    let done = reply("completed", &items, usage);
    let mut number = 0;
    let mut event = |mut data: Value| {
        data["sequence_number"] = json!(number);
        number += 1;
        named_event(data)
    };
    let begun = reply("in_progress", &[], Value::Null);
    let begun = ["response.created", "response.in_progress"]
        .map(|kind| event(json!({"type": kind, "response": begun.clone()})));
    let mut streamed: Vec<Vec<Bytes>> = vec![begun.into()];
    for (place, (said, item)) in said.iter().zip(&items).enumerate() {
        streamed.push(events(place, said, item).into_iter().map(&mut event).collect());
    }
    let last = streamed.last_mut().expect("it has its start");
    last.push(event(json!({"type": "response.completed", "response": done.clone()})));
    Written { whole: done.to_string().into(), streamed }
}

fn item(turn: usize, place: usize, said: &Said) -> Value {
    match said {
        Said::Words(text) => {
            let part = json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
            let id = format!("msg_{turn}_{place}");
            json!({"id": id, "type": "message", "status": "completed", "role": "assistant", "content": [part]})
        }
        Said::Call { id, name, input } => json!({
            "id": format!("fc_{turn}_{place}"), "type": "function_call", "status": "completed", "call_id": id,
            "name": name, "arguments": input.to_string(),
        }),
    }
}

fn events(place: usize, said: &Said, item: &Value) -> Vec<Value> {
    let mut begun = item.clone();
    begun["status"] = json!("in_progress");
    let mut events = Vec::new();
    let about = |kind: &str, field: &str, value: Value| {
        let mut event =
            json!({"type": format!("response.{kind}"), "item_id": item["id"], "output_index": place});
        event[field] = value;
        event
    };
    let of_text = |mut event: Value| {
        event["content_index"] = json!(0);
        event
    };
    match said {
        Said::Words(text) => {
            begun["content"] = json!([]);
            let mut part = item["content"][0].clone();
            let whole = part.clone();
            part["text"] = json!("");
            events.push(of_text(about("content_part.added", "part", part)));
            events
                .extend(pieces(text).map(|piece| of_text(about("output_text.delta", "delta", json!(piece)))));
            events.push(of_text(about("output_text.done", "text", json!(text))));
            events.push(of_text(about("content_part.done", "part", whole)));
        }
        Said::Call { input, .. } => {
            begun["arguments"] = json!("");
            let (kind, arguments) = ("function_call_arguments", input.to_string());
            let delta = |piece: &str| about(&format!("{kind}.delta"), "delta", json!(piece));
            events.extend(pieces(&arguments).map(delta));
            events.push(about(&format!("{kind}.done"), "arguments", json!(arguments)));
        }
    }
    let of_item = |kind: &str, item: &Value| json!({"type": kind, "output_index": place, "item": item});
    events.insert(0, of_item("response.output_item.added", &begun));
    events.push(of_item("response.output_item.done", item));
    events
}
