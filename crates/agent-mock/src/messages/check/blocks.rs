//! Checks content blocks, one by one.

use std::fmt::Display;

use serde_json::Value;

use super::{Rules, Verdict, is_name, must, refuse};

/// Checks a block of a message with this role. `at` says where it is.
pub(super) fn check(block: &Value, role: &str, at: &impl Display, rules: Rules) -> Verdict {
    must(block.is_object(), || format!("{at}: Input should be an object"))?;
    match block["type"].as_str() {
        None => refuse(format!("{at}.type: Field required")),
        Some("text") => {
            let citations = role == "user" && !block["citations"].is_null();
            must(rules.old || !citations, || format!("{at}.text.citations: Extra inputs are not permitted"))?;
            text(block, at)
        }
        Some("tool_use") => {
            only(role, "assistant", "tool_use", at)?;
            tool_use(block, &format_args!("{at}.tool_use"))
        }
        Some("tool_result") => {
            only(role, "user", "tool_result", at)?;
            tool_result(block, &format_args!("{at}.tool_result"))
        }
        Some("thinking") => thinking(block, &format_args!("{at}.thinking")),
        Some("document") => must(rules.old || role != "assistant", || {
            format!("{at}: `document` blocks are not permitted in `assistant` messages")
        }),
        Some(_) => Ok(()),
    }
}

/// Checks the text of a text block.
pub(super) fn text(block: &Value, at: &impl Display) -> Verdict {
    match &block["text"] {
        Value::String(text) if text.is_empty() && block["cache_control"].is_object() => {
            refuse(format!("{at}: cache_control cannot be set for empty text blocks"))
        }
        Value::String(text) if text.is_empty() => {
            refuse(format!("{at}: text content blocks must be non-empty"))
        }
        Value::String(text) => must(!text.trim().is_empty(), || {
            format!("{at}: text content blocks must contain non-whitespace text")
        }),
        Value::Null => refuse(format!("{at}.text.text: Field required")),
        _ => refuse(format!("{at}.text.text: Input should be a valid string")),
    }
}

fn only(role: &str, wanted: &str, kind: &str, at: &impl Display) -> Verdict {
    must(role == wanted, || format!("{at}: `{kind}` blocks can only be in `{wanted}` messages"))
}

fn tool_use(block: &Value, at: &impl Display) -> Verdict {
    string(block, "id", at)?;
    must(block["id"].as_str().is_some_and(is_name), || {
        format!("{at}.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
    })?;
    string(block, "name", at)?;
    match &block["input"] {
        Value::Null => refuse(format!("{at}.input: Field required")),
        input => must(input.is_object(), || format!("{at}.input: Input should be an object")),
    }
}

fn tool_result(block: &Value, at: &impl Display) -> Verdict {
    string(block, "tool_use_id", at)?;
    let content = &block["content"];
    let empty = content.is_null() || content == "" || content.as_array().is_some_and(Vec::is_empty);
    must(!(empty && block["is_error"] == true), || {
        format!("{at}: content cannot be empty if `is_error` is true")
    })?;
    let is_other = |block: &Value| block["type"] != "text";
    let has_other = content.as_array().is_some_and(|blocks| blocks.iter().any(is_other));
    must(!(has_other && block["is_error"] == true), || {
        format!("{at}: all content must be type \"text\" if \"is_error\" is true")
    })
}

fn thinking(block: &Value, at: &impl Display) -> Verdict {
    string(block, "thinking", at)?;
    string(block, "signature", at)?;
    must(block["signature"] != "", || format!("{at}: Invalid `signature` in `thinking` block"))
}

fn string(block: &Value, name: &str, at: &impl Display) -> Verdict {
    match &block[name] {
        Value::String(_) => Ok(()),
        Value::Null => refuse(format!("{at}.{name}: Field required")),
        _ => refuse(format!("{at}.{name}: Input should be a valid string")),
    }
}
