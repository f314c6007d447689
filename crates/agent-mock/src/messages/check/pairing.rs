//! Checks that tool calls and results belong together, over all messages.

use std::collections::HashSet;

use serde_json::Value;

use super::{Verdict, must};
use crate::json::list;

/// Consecutive messages of one role. The API reads them as one message.
struct MergedMessage<'a> {
    role: &'a str,
    /// The index of the first of the messages.
    message: usize,
    /// The blocks of all of them. A content that is a string counts as one block.
    blocks: Vec<&'a Value>,
}

/// Checks that each call has exactly one result, at the start of the next user message, and that
/// each result has a call.
pub(super) fn check(body: &Value) -> Verdict {
    let messages = list(&body["messages"]);
    check_unique_ids(messages)?;
    let merged_messages = merged_messages(messages);
    for (place, message_group) in merged_messages.iter().enumerate() {
        match message_group.role {
            "assistant" => check_calls_have_results(message_group, merged_messages.get(place + 1))?,
            _ => check_results_have_calls(
                message_group,
                place.checked_sub(1).map(|place| &merged_messages[place]),
            )?,
        }
    }
    Ok(())
}

fn check_unique_ids(messages: &[Value]) -> Verdict {
    let mut ids = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        for (place, block) in list(&message["content"]).iter().enumerate() {
            let repeated = block["type"] == "tool_use" && !ids.insert(block["id"].as_str());
            must(!repeated, || format!("messages.{index}.content.{place}: `tool_use` ids must be unique"))?;
        }
    }
    Ok(())
}

fn merged_messages(messages: &[Value]) -> Vec<MergedMessage<'_>> {
    let mut merged_messages: Vec<MergedMessage<'_>> = Vec::with_capacity(messages.len());
    for (message, value) in messages.iter().enumerate() {
        let role = value["role"].as_str().filter(|role| *role != "system");
        let Some(role) = role else { continue };
        let content = &value["content"];
        let blocks = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice);
        match merged_messages.last_mut().filter(|last| last.role == role) {
            Some(last) => last.blocks.extend(blocks),
            None => merged_messages.push(MergedMessage { role, message, blocks: blocks.iter().collect() }),
        }
    }
    merged_messages
}

impl<'a> MergedMessage<'a> {
    /// The values of this field in all blocks of this type.
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

fn check_calls_have_results(message_group: &MergedMessage<'_>, next: Option<&MergedMessage<'_>>) -> Verdict {
    let results = next.map(MergedMessage::results).unwrap_or_default();
    let missing: Vec<&str> = message_group.calls().into_iter().filter(|id| !results.contains(id)).collect();
    must(missing.is_empty(), || {
        format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
             `tool_use` block must have a corresponding `tool_result` block in the next message.",
            message_group.message,
            missing.join(", ")
        )
    })
}

fn check_results_have_calls(
    message_group: &MergedMessage<'_>,
    before: Option<&MergedMessage<'_>>,
) -> Verdict {
    let at = message_group.message;
    let calls = before.map(MergedMessage::calls).unwrap_or_default();
    let results = message_group.results();
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
    let first = message_group.blocks.iter().take_while(|block| block["type"] == "tool_result").count();
    must(first == results.len(), || {
        format!("messages.{at}: `tool_result` blocks must come first in the content of the user message")
    })
}
