//! Tool calls and their results, over all messages.

use std::collections::HashSet;

use serde_json::Value;

use super::{Verdict, must};
use crate::recorded_request::list;

/// Messages of one role in a row, which the API reads as one.
struct Speech<'a> {
    role: &'a str,
    /// The first of the messages.
    message: usize,
    /// Their blocks; a content of words stands for its text block.
    blocks: Vec<&'a Value>,
}

/// Each call has exactly one result, at the start of what the user says next, and each result its call.
pub(super) fn check(body: &Value) -> Verdict {
    let messages = list(&body["messages"]);
    unique(messages)?;
    let speeches = speeches(messages);
    for (place, speech) in speeches.iter().enumerate() {
        match speech.role {
            "assistant" => answered(speech, speeches.get(place + 1))?,
            _ => called(speech, place.checked_sub(1).map(|place| &speeches[place]))?,
        }
    }
    Ok(())
}

fn unique(messages: &[Value]) -> Verdict {
    let mut ids = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        for (place, block) in list(&message["content"]).iter().enumerate() {
            let repeated = block["type"] == "tool_use" && !ids.insert(block["id"].as_str());
            must(!repeated, || format!("messages.{index}.content.{place}: `tool_use` ids must be unique"))?;
        }
    }
    Ok(())
}

fn speeches(messages: &[Value]) -> Vec<Speech<'_>> {
    let mut speeches: Vec<Speech<'_>> = Vec::with_capacity(messages.len());
    for (message, value) in messages.iter().enumerate() {
        let role = value["role"].as_str().filter(|role| *role != "system");
        let Some(role) = role else { continue };
        let content = &value["content"];
        let blocks = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice);
        match speeches.last_mut().filter(|last| last.role == role) {
            Some(last) => last.blocks.extend(blocks),
            None => speeches.push(Speech { role, message, blocks: blocks.iter().collect() }),
        }
    }
    speeches
}

impl<'a> Speech<'a> {
    /// The values of this field of the blocks of this type.
    fn ids(&self, kind: &str, field: &str) -> Vec<&'a str> {
        let ids = self.blocks.iter().filter(|block| block["type"] == kind);
        ids.filter_map(|block| block[field].as_str()).collect()
    }

    fn calls(&self) -> Vec<&'a str> {
        self.ids("tool_use", "id")
    }

    fn results(&self) -> Vec<&'a str> {
        self.ids("tool_result", "tool_use_id")
    }
}

fn answered(speech: &Speech<'_>, next: Option<&Speech<'_>>) -> Verdict {
    let results = next.map(Speech::results).unwrap_or_default();
    let missing: Vec<&str> = speech.calls().into_iter().filter(|id| !results.contains(id)).collect();
    must(missing.is_empty(), || {
        format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
             `tool_use` block must have a corresponding `tool_result` block in the next message.",
            speech.message,
            missing.join(", ")
        )
    })
}

fn called(speech: &Speech<'_>, before: Option<&Speech<'_>>) -> Verdict {
    let at = speech.message;
    let calls = before.map(Speech::calls).unwrap_or_default();
    let results = speech.results();
    for (place, id) in results.iter().enumerate() {
        must(calls.contains(id), || {
            format!(
                "messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must \
                 have a corresponding `tool_use` block in the previous message."
            )
        })?;
        must(!results[..place].contains(id), || {
            format!(
                "messages.{at}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}"
            )
        })?;
    }
    let first = speech.blocks.iter().take_while(|block| block["type"] == "tool_result").count();
    must(first == results.len(), || {
        format!("messages.{at}: `tool_result` blocks must come first in the content of the user message")
    })
}
