//! Checks messages, one by one.

use serde_json::Value;

use super::{Rules, Verdict, blocks, must, refuse};

pub(super) fn check(body: &Value, rules: Rules) -> Verdict {
    let messages = match &body["messages"] {
        Value::Null => return refuse("messages: Field required"),
        Value::Array(messages) => messages,
        _ => return refuse("messages: Input should be a valid list"),
    };
    must(!messages.is_empty(), || "messages: at least one message is required".to_owned())?;
    for (index, message) in messages.iter().enumerate() {
        shape(message, index)?;
    }
    let first = messages.iter().find(|message| message["role"] != "system");
    must(first.is_none_or(|message| message["role"] == "user"), || {
        "messages: first message must use the \"user\" role".to_owned()
    })?;
    for (index, message) in messages.iter().enumerate() {
        content(message, index, rules)?;
    }
    ending(messages)
}

fn shape(message: &Value, index: usize) -> Verdict {
    must(message.is_object(), || format!("messages.{index}: Input should be an object"))?;
    match &message["role"] {
        Value::Null => refuse(format!("messages.{index}.role: Field required"))?,
        role => must(role == "user" || role == "assistant" || role == "system", || {
            format!("messages.{index}.role: Input should be 'user', 'assistant' or 'system'")
        })?,
    }
    match &message["content"] {
        Value::Null => refuse(format!("messages.{index}.content: Field required")),
        Value::String(_) | Value::Array(_) => Ok(()),
        _ => refuse(format!("messages.{index}.content: Input should be a valid string or a valid list")),
    }
}

fn content(message: &Value, index: usize, rules: Rules) -> Verdict {
    match &message["content"] {
        Value::String(text) => must(text.is_empty() || !text.trim().is_empty(), || {
            "messages: text content blocks must contain non-whitespace text".to_owned()
        }),
        content => {
            let role = message["role"].as_str().unwrap_or_default();
            let blocks = content.as_array().into_iter().flatten().enumerate();
            blocks.into_iter().try_for_each(|(block_index, block)| {
                blocks::check(block, role, &format_args!("messages.{index}.content.{block_index}"), rules)
            })
        }
    }
}

/// Only a last message of the assistant may be empty. It must not end with whitespace, because the
/// reply continues it.
fn ending(messages: &[Value]) -> Verdict {
    let last = messages.len() - 1;
    for (index, message) in messages.iter().enumerate() {
        let content = &message["content"];
        let empty = content == "" || content.as_array().is_some_and(Vec::is_empty);
        must(!empty || (index == last && message["role"] == "assistant"), || {
            format!(
                "messages.{index}: all messages must have non-empty content except for the optional final assistant message"
            )
        })?;
    }
    let content = &messages[last]["content"];
    let text = content.as_str().or_else(|| content.as_array()?.last()?["text"].as_str());
    let trailing = text.is_some_and(|text| text != text.trim_end());
    must(!(trailing && messages[last]["role"] == "assistant"), || {
        "messages: final assistant content cannot end with trailing whitespace".to_owned()
    })
}
