//! What requests to models say, for the spans of their turns.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::{Json, Request, ToolSpec};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use serde::Serialize;

use super::names::Vocabulary;

/// How many requests are remembered. Those that no listener hears of never end.
const MOST: usize = 1_000;

/// The attributes of requests whose turns have not ended, by conversation.
#[derive(Default)]
pub(super) struct Requests(Mutex<HashMap<Arc<str>, Vec<KeyValue>>>);

impl Requests {
    /// A request is sent. Prompts and tools are remembered only `with_content`.
    pub(super) fn see(&self, request: &Request, names: &Vocabulary, with_content: bool) {
        self.add(request.conversation.clone(), attributes(request, names, with_content));
    }

    fn add(&self, conversation: Arc<str>, attributes: Vec<KeyValue>) {
        let mut all = self.all();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(conversation, attributes);
    }

    /// What the last request of this conversation says, once.
    pub(super) fn take(&self, conversation: &str) -> Vec<KeyValue> {
        self.all().remove(conversation).unwrap_or_default()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<KeyValue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tool as the conventions have it.
#[derive(Serialize)]
struct Definition<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a Json,
}

/// A part of the system prompt as the conventions have it.
#[derive(Serialize)]
struct Part<'a> {
    r#type: &'static str,
    content: &'a str,
}

fn attributes(request: &Request, names: &Vocabulary, with_content: bool) -> Vec<KeyValue> {
    let mut all = vec![KeyValue::new(names.request_max_tokens, i64::from(request.max_tokens))];
    if request.answer_schema.is_some() {
        all.push(KeyValue::new(names.output_type, "json"));
    }
    let numbers = [
        ("temperature", names.request_temperature),
        ("top_p", names.request_top_p),
        ("top_k", names.request_top_k),
    ];
    for (field, name) in numbers {
        let number = request.extra.get(field).and_then(|value| value.parse::<f64>().ok());
        all.extend(number.map(|number| KeyValue::new(name, number)));
    }
    let stops = request.extra.get("stop_sequences").and_then(|value| value.parse::<Vec<String>>().ok());
    all.extend(stops.map(|stops| {
        let stops: Vec<StringValue> = stops.into_iter().map(StringValue::from).collect();
        KeyValue::new(names.request_stop_sequences, Value::Array(Array::String(stops)))
    }));
    if with_content {
        let texts = request.system.iter().filter_map(|block| block.as_text());
        let parts: Vec<_> = texts.map(|content| Part { r#type: "text", content }).collect();
        all.extend((!parts.is_empty()).then(|| KeyValue::new(names.system_instructions, json(&parts))));
        let tools: Vec<_> = request.tools.iter().map(definition).collect();
        all.extend((!tools.is_empty()).then(|| KeyValue::new(names.tool_definitions, json(&tools))));
    }
    all
}

fn definition(ToolSpec { name, description, input_schema, .. }: &ToolSpec) -> Definition<'_> {
    Definition { r#type: "function", name, description, parameters: input_schema }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, and JSON that was read before, can be written")
}
