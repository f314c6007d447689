//! Checks input items, one by one.

use serde_json::Value;

use super::{
    item_fields::{STATUS, check_prefix},
    messages,
};
use crate::{
    json::list,
    openai::{
        errors::{Verdict, empty_array, invalid_type, invalid_value, missing, must},
        fields::{
            Field::{self, Any, List, Object, Text},
            check_fields, required_text, within,
        },
        rules::Rules,
        tools::{check_id, check_name},
    },
};

/// The types of items. Source: `ResponseInputItemParam` of the official clients.
const TYPES: [&str; 33] = [
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "item_reference",
    "custom_tool_call",
    "custom_tool_call_output",
    "file_search_call",
    "web_search_call",
    "computer_call",
    "computer_call_output",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "configuration_update",
    "compaction",
    "compaction_summary",
    "compaction_trigger",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "program",
    "program_output",
    "context_compaction",
];

const FUNCTION_CALL: [(&str, Field); 8] = [
    ("type", Text),
    ("id", Text),
    ("call_id", Text),
    ("name", Text),
    ("arguments", Text),
    ("status", STATUS),
    ("namespace", Text),
    ("caller", Object),
];
const FUNCTION_CALL_OUTPUT: [(&str, Field); 8] = [
    ("type", Text),
    ("id", Text),
    ("call_id", Text),
    ("name", Text),
    ("output", Any),
    ("status", STATUS),
    ("namespace", Text),
    ("caller", Object),
];
const REASONING: [(&str, Field); 6] = [
    ("type", Text),
    ("id", Text),
    ("summary", List),
    ("content", List),
    ("encrypted_content", Text),
    ("status", STATUS),
];

/// Checks an item at this place.
pub(super) fn check(item: &Value, at: &str, rules: Rules) -> Verdict {
    must(item.is_object(), || invalid_type(at, "an object", item))?;
    match item["type"].as_str() {
        None if item["type"].is_null() && !item["role"].is_null() => messages::check(item, at, rules),
        None => required_text(item, at, "type").map(|_| ()),
        Some("message") => messages::check(item, at, rules),
        Some("function_call") => function_call(item, at, rules),
        Some("function_call_output") => function_call_output(item, at, rules),
        Some("reasoning") => reasoning(item, at, rules),
        Some(kind) => must(TYPES.contains(&kind) || rules.compatible, || {
            invalid_value(&within(at, "type"), &item["type"], &TYPES)
        }),
    }
}

fn function_call(call: &Value, at: &str, rules: Rules) -> Verdict {
    check_fields(call, at, &FUNCTION_CALL, rules)?;
    check_prefix(call, at, "fc")?;
    check_id(call, at, "call_id")?;
    check_name(call, at, "name")?;
    required_text(call, at, "arguments").map(|_| ())
}

fn function_call_output(output: &Value, at: &str, rules: Rules) -> Verdict {
    check_fields(output, at, &FUNCTION_CALL_OUTPUT, rules)?;
    check_id(output, at, "call_id")?;
    let at = within(at, "output");
    match &output["output"] {
        Value::Null => Err(missing(&at)),
        Value::String(_) => Ok(()),
        Value::Array(parts) => {
            must(!parts.is_empty(), || empty_array(&at))?;
            messages::parts(parts, &at, &["input_text", "input_image", "input_file"], rules)
        }
        other => Err(invalid_type(&at, "one of a string or array of objects", other)),
    }
}

fn reasoning(item: &Value, at: &str, rules: Rules) -> Verdict {
    check_fields(item, at, &REASONING, rules)?;
    must(!item["summary"].is_null(), || missing(&within(at, "summary")))?;
    check_prefix(item, at, "rs")?;
    for (field, kind) in [("summary", "summary_text"), ("content", "reasoning_text")] {
        for (place, part) in list(&item[field]).iter().enumerate() {
            let at = format!("{at}.{field}[{place}]");
            required_text(part, &at, "text")?;
            must(part["type"] == kind, || invalid_value(&within(&at, "type"), &part["type"], &[kind]))?;
        }
    }
    Ok(())
}
