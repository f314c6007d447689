//! The Messages API.

mod anthropic;
mod check;
mod event;
mod threads;

use std::{borrow::Cow, time::Duration};

pub(crate) use anthropic::Anthropic;
pub use check::check;
use check::{Rules, check_length, check_with};
use event::{Envelope, Event, Message};
use hyper::{HeaderMap, body::Bytes};
use serde_json::{Value, json};
use threads::Threads;

use crate::{
    Refusal,
    event_stream::{self, EventStream},
    json::{list, texts},
    request_reading::{OfferedTool, RequestReading},
    response::text,
    vendor::Vendor,
    wire::{Said, Wire},
};

/// The Messages API.
#[derive(Default)]
pub(crate) struct Messages {
    threads: Threads,
}

impl Wire for Messages {
    fn vendor(&self) -> &'static dyn Vendor {
        &Anthropic
    }

    fn complete(&self, body: Value) -> Result<Value, Refusal> {
        self.threads.resume(body)
    }

    fn attempt_key<'a>(&self, text: &'a str, body: &Value) -> Cow<'a, str> {
        match body["thread"].is_object() {
            true => json!([body["system"], body["tools"], body["messages"]]).to_string().into(),
            false => text.into(),
        }
    }

    fn read(&self, body: &Value) -> RequestReading {
        let messages = list(&body["messages"]);
        let by_model = |message: &&Value| message["role"] == "assistant";
        let spoken = messages.iter().rposition(|message| by_model(&message)).map_or(0, |last| last + 1);
        let new = messages[spoken..].iter().flat_map(|message| list(&message["content"]));
        let results = new.filter(|block| block["type"] == "tool_result");
        let last = messages.last().map(|message| texts(&message["content"]).concat());
        RequestReading {
            turn: messages.iter().filter(by_model).count(),
            system: texts(&body["system"]).into_iter().map(str::to_owned).collect(),
            last_text: last.unwrap_or_default(),
            results: results.map(|block| texts(&block["content"]).concat()).collect(),
            tool: tool(body),
            streaming: body["stream"] == true,
        }
    }

    fn check(&self, headers: &HeaderMap, body: &Value) -> Result<(), Refusal> {
        check_with(body, Rules { counting: false, old: anthropic::is_old(headers) })
    }

    fn check_length(&self, body: &Value, most: usize) -> Result<(), Refusal> {
        check_length(body, most)
    }

    fn keep(&self, said: Said<'_>) {
        self.threads.hold(&id(said), &said.request.body, said.reply, said.request.turn);
    }

    fn unary(&self, said: Said<'_>) -> Result<Bytes, String> {
        Ok(text(&Message::complete(envelope(said, &id(said)), &said.reply.response(said.request.turn))))
    }

    fn events(&self, said: Said<'_>) -> Result<Vec<(Duration, Bytes)>, String> {
        let mut events = EventStream::default();
        let id = id(said);
        for (pause, delta) in &said.reply.deltas(said.request.turn) {
            events.pause(*pause);
            Event::of(delta, envelope(said, &id)).for_each(|event| event.write(&mut events));
        }
        Ok(events.finish())
    }

    fn ping(&self) -> Bytes {
        let mut ping = EventStream::default();
        Event::Ping.write(&mut ping);
        ping.finish().remove(0).1
    }

    fn error_event(&self, error_type: &str, message: &str, _place: usize) -> Bytes {
        let error = json!({"type": error_type, "message": message});
        event_stream::event("error", &json!({"type": "error", "error": error}).to_string())
    }
}

/// The estimate for a request to count tokens: four bytes of the request are one token.
pub(crate) fn count_tokens(headers: &HeaderMap, text: &str, body: &Value) -> Result<Value, Refusal> {
    check_with(body, Rules { counting: true, old: anthropic::is_old(headers) })?;
    Ok(json!({"input_tokens": text.len().div_ceil(4)}))
}

fn id(said: Said<'_>) -> String {
    format!("msg_mock_{}", said.number)
}

fn envelope<'a>(said: Said<'a>, id: &'a str) -> Envelope<'a> {
    let body = &said.request.body;
    let model = body["model"].as_str().unwrap_or_default();
    Envelope { id, model, stop_sequence: body["stop_sequences"][0].as_str() }
}

fn tool(body: &Value) -> Option<OfferedTool> {
    let choice = &body["tool_choice"];
    let mut tools = list(&body["tools"]).iter();
    let tool = |tool: &Value| OfferedTool::of(tool, "input_schema");
    match choice["type"].as_str() {
        Some("none") => None,
        Some("tool") => tools.filter(|tool| tool["name"] == choice["name"]).find_map(tool),
        _ => tools.find_map(tool),
    }
}
