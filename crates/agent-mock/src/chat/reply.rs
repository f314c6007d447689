//! Replies of chat completions, complete or as chunks of a stream.

use std::time::Duration;

use agent_core::{Block, StopReason};
use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    event_stream::EventStream,
    openai::{
        CREATED,
        reply_blocks::{ReplyBlock, ReplyBlockKind, ReplyBlocks},
        usage,
    },
    response::text,
    wire::Said,
};

/// The body of a reply that is not streamed.
pub(super) fn unary(said: Said<'_>) -> Result<Bytes, String> {
    check(said)?;
    let ReplyBlocks { blocks, stop_reason, .. } = ReplyBlocks::of(said.reply, said.request.turn);
    let (mut content, mut reasoning, mut calls) = (None, None, Vec::new());
    for block in &blocks {
        match &block.kind {
            ReplyBlockKind::Text => content.get_or_insert_with(String::new).push_str(&block.text()),
            ReplyBlockKind::Thinking(_) => reasoning.get_or_insert_with(String::new).push_str(&block.text()),
            ReplyBlockKind::Call { id, name } => {
                let function = json!({"name": name, "arguments": block.text()});
                calls.push(json!({"id": id, "type": "function", "function": function}));
            }
            ReplyBlockKind::Other(block) => return Err(no_form(block)),
        }
    }
    let mut message = json!({"role": "assistant", "content": content, "refusal": null, "annotations": []});
    if let Some(reasoning) = reasoning {
        message["reasoning_content"] = json!(reasoning);
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let mut choice = choice(Some(finish_reason(&stop_reason)));
    choice["message"] = message;
    let mut body = envelope(said, "chat.completion", json!([choice]));
    body.insert("usage".to_owned(), usage(said.reply, "prompt", "completion"));
    body.extend(extra(said));
    Ok(text(&body))
}

/// The chunks of a streamed reply.
pub(super) fn events(said: Said<'_>) -> Result<Vec<(Duration, Bytes)>, String> {
    check(said)?;
    let reply = ReplyBlocks::of(said.reply, said.request.turn);
    let include_usage = said.request.body["stream_options"]["include_usage"] == true;
    let mut chunks = Chunks { said, include_usage, events: EventStream::default(), calls: 0 };
    chunks.events.pause(reply.latency);
    chunks.delta(&json!({"role": "assistant", "content": "", "refusal": null}));
    for block in &reply.blocks {
        chunks.block(block)?;
    }
    chunks.end(&reply.stop_reason);
    Ok(chunks.events.finish())
}

/// Chunks that are being written.
struct Chunks<'a> {
    said: Said<'a>,
    /// All chunks have a usage: `null`, until the last one says it.
    include_usage: bool,
    events: EventStream,
    /// The number of calls so far.
    calls: usize,
}

impl Chunks<'_> {
    fn block(&mut self, block: &ReplyBlock) -> Result<(), String> {
        self.events.pause(block.pause);
        let of_piece: fn(usize, &str) -> Value = match &block.kind {
            ReplyBlockKind::Text => |_, text| json!({"content": text}),
            ReplyBlockKind::Thinking(_) => |_, text| json!({"reasoning_content": text}),
            ReplyBlockKind::Call { id, name } => {
                let function = json!({"name": name, "arguments": ""});
                let call = json!({"index": self.calls, "id": id, "type": "function", "function": function});
                self.delta(&json!({"tool_calls": [call]}));
                self.calls += 1;
                |calls, text| json!({"tool_calls": [{"index": calls - 1, "function": {"arguments": text}}]})
            }
            ReplyBlockKind::Other(block) => return Err(no_form(block)),
        };
        for (pause, piece) in &block.pieces {
            self.events.pause(*pause);
            let delta = of_piece(self.calls, piece);
            self.delta(&delta);
        }
        Ok(())
    }

    fn end(&mut self, stop_reason: &StopReason) {
        let mut last = choice(Some(finish_reason(stop_reason)));
        last["delta"] = json!({});
        let extra = extra(self.said);
        self.chunk(json!([last]), Value::Null, extra);
        if self.include_usage {
            self.chunk(json!([]), usage(self.said.reply, "prompt", "completion"), Map::new());
        }
        self.events.push_text("[DONE]");
    }

    fn delta(&mut self, delta: &Value) {
        let mut choice = choice(None);
        choice["delta"] = delta.clone();
        self.chunk(json!([choice]), Value::Null, Map::new());
    }

    fn chunk(&mut self, choices: Value, usage: Value, extra: Map<String, Value>) {
        let mut chunk = envelope(self.said, "chat.completion.chunk", choices);
        if self.include_usage {
            chunk.insert("usage".to_owned(), usage);
        }
        chunk.extend(extra);
        self.events.push("", &chunk);
    }
}

fn envelope(said: Said<'_>, object: &str, choices: Value) -> Map<String, Value> {
    let fields = [
        ("id", json!(format!("chatcmpl-mock-{}", said.number))),
        ("object", json!(object)),
        ("created", json!(CREATED)),
        ("model", json!(said.model())),
        ("service_tier", json!("default")),
        ("system_fingerprint", Value::Null),
        ("choices", choices),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn choice(finish_reason: Option<&str>) -> Value {
    json!({"index": 0, "logprobs": null, "finish_reason": finish_reason})
}

/// Fields that the scenario adds. Those of the usage are in the usage.
fn extra(said: Said<'_>) -> Map<String, Value> {
    let extra = said.reply.extra.iter().filter(|(name, _)| *name != "usage");
    extra.filter_map(|(name, value)| Some((name.clone(), value.parse().ok()?))).collect()
}

/// Why a reply ended, in the API's words. Its words pass unchanged.
fn finish_reason(stop_reason: &StopReason) -> &str {
    match stop_reason {
        StopReason::EndTurn | StopReason::StopSequence => "stop",
        StopReason::ToolUse => "tool_calls",
        StopReason::MaxTokens | StopReason::ContextWindowExceeded => "length",
        StopReason::Refusal => "content_filter",
        other => other.as_str(),
    }
}

/// A scenario has one reply for a request.
fn check(said: Said<'_>) -> Result<(), String> {
    match said.request.body["n"].as_u64() {
        Some(choices @ 2..) => {
            Err(format!("the request asks for {choices} choices, and this server gives one"))
        }
        _ => Ok(()),
    }
}

fn no_form(block: &Block) -> String {
    let kind = block.field("type").map(|kind| kind.text().to_owned()).unwrap_or_default();
    format!("chat completions have no form for a content block of the type {kind}")
}
