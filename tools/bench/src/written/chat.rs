//! As OpenAI's chat completions write replies, with the fields that each chunk repeats there.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Written, pieces};
use crate::plot::Said;

pub(super) fn written(turn: usize, said: &[Said]) -> Written {
    let finish = if said.iter().any(Said::is_call) { "tool_calls" } else { "stop" };
    let reply = |kind: &str, choices: Value, usage: Value| {
        json!({
            "id": format!("chatcmpl-{turn}"), "object": kind, "created": 1_790_000_000, "model": "gpt-6.2-astra",
            "choices": choices, "usage": usage, "service_tier": "default", "system_fingerprint": "fp_44709d6fcb",
        })
    };
    let usage = json!({
        "prompt_tokens": 420, "completion_tokens": 42, "total_tokens": 462,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    });
    let choice = json!([{"index": 0, "message": message(said), "logprobs": null, "finish_reason": finish}]);
    let whole = reply("chat.completion", choice, usage.clone()).to_string().into();
    let chunk = |choices: Value, usage: Value| event(&reply("chat.completion.chunk", choices, usage));
    let piece = |delta: Value, finish: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), Value::Null)
    };
    let first = json!({"role": "assistant", "content": null, "refusal": null});
    let mut streamed = vec![vec![piece(first, None)]];
    let pieces = said.iter().enumerate().map(|(index, said)| deltas(index, said));
    streamed.extend(pieces.map(|deltas| deltas.into_iter().map(|delta| piece(delta, None)).collect()));
    let last = streamed.last_mut().expect("it has its start");
    last.extend([piece(json!({}), Some(finish)), chunk(json!([]), usage), event(&"[DONE]")]);
    Written { whole, streamed }
}

fn message(said: &[Said]) -> Value {
    let text: Option<&str> = said.iter().find_map(|said| match said {
        Said::Words(text) => Some(*text),
        Said::Call { .. } => None,
    });
    let call = |said: &Said| match said {
        Said::Words(_) => None,
        Said::Call { id, name, input } => {
            let function = json!({"name": name, "arguments": input.to_string()});
            Some(json!({"id": id, "type": "function", "function": function}))
        }
    };
    let calls: Vec<Value> = said.iter().filter_map(call).collect();
    let mut message = json!({"role": "assistant", "content": text, "refusal": null, "annotations": []});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

/// Words come in pieces; a call comes with its name first, and then its arguments in pieces.
fn deltas(index: usize, said: &Said) -> Vec<Value> {
    match said {
        Said::Words(text) => pieces(text).map(|piece| json!({"content": piece})).collect(),
        Said::Call { id, name, input } => {
            let arguments = input.to_string();
            let function = json!({"name": name, "arguments": ""});
            let begun = json!({"index": index, "id": id, "type": "function", "function": function});
            let more =
                pieces(&arguments).map(|piece| json!({"index": index, "function": {"arguments": piece}}));
            [begun].into_iter().chain(more).map(|call| json!({"tool_calls": [call]})).collect()
        }
    }
}

fn event(data: &dyn std::fmt::Display) -> Bytes {
    format!("data: {data}\n\n").into()
}
