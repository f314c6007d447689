//! Replies that the server keeps, so that a request may continue one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use serde_json::{Value, json};

use super::id;
use crate::{Refusal, json::list, wire::Said};

/// The replies that the server keeps, and their items.
#[derive(Default)]
pub(super) struct Kept(Mutex<KeptReplies>);

#[derive(Default)]
struct KeptReplies {
    /// The items up to a reply, with those of the reply, by its id.
    histories: HashMap<String, Vec<Value>>,
    /// The items of replies, by their ids.
    items: HashMap<String, Value>,
}

impl Kept {
    /// The request with all its items: those of the reply that it continues, and those that it only
    /// names.
    pub(super) fn complete(&self, mut body: Value) -> Result<Value, Refusal> {
        let kept = self.kept();
        let mut items = match body["previous_response_id"].as_str() {
            Some(id) => kept.histories.get(id).cloned().ok_or_else(|| {
                Refusal::invalid(format!("Previous response with id '{id}' not found."))
                    .with_param("previous_response_id")
                    .with_code("previous_response_not_found")
            })?,
            None if body["input"].is_array() => Vec::new(),
            None => return Ok(body),
        };
        for item in input_items(&body["input"]) {
            items.push(kept.resolve(item)?);
        }
        body["input"] = items.into();
        Ok(body)
    }

    /// Keeps a reply with these items, unless the request says otherwise.
    pub(super) fn keep(&self, said: Said<'_>, output: Vec<Value>) {
        let body = &said.request.body;
        if body["store"] == false {
            return;
        }
        let mut kept = self.kept();
        let named = output.iter().filter_map(|item| Some((item["id"].as_str()?.to_owned(), item.clone())));
        kept.items.extend(named.collect::<Vec<_>>());
        let history = input_items(&body["input"]).into_iter().chain(output).collect();
        kept.histories.insert(id(said), history);
    }

    fn kept(&self) -> MutexGuard<'_, KeptReplies> {
        self.0.lock().expect("nothing that holds this lock can panic")
    }
}

impl KeptReplies {
    /// The item that is meant. Reasoning that does not come with what it says is only named too.
    fn resolve(&self, item: Value) -> Result<Value, Refusal> {
        let says = |name: &str| match &item[name] {
            Value::Null => false,
            Value::Array(list) => !list.is_empty(),
            _ => true,
        };
        let is_named = match item["type"].as_str() {
            Some("item_reference") => true,
            Some("reasoning") => !says("encrypted_content") && !says("content"),
            _ => false,
        };
        let Some(id) = item["id"].as_str().filter(|_| is_named) else { return Ok(item) };
        self.items.get(id).cloned().ok_or_else(|| {
            let message = format!(
                "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again \
                 with `store` set to true, or remove this item from your input."
            );
            Refusal::new(404, "invalid_request_error", message).with_param("input")
        })
    }
}

/// The items of an input. A text is what a user says.
pub(super) fn input_items(input: &Value) -> Vec<Value> {
    match input {
        Value::String(text) => vec![json!({"type": "message", "role": "user", "content": text})],
        input => list(input).to_vec(),
    }
}
