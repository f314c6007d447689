//! Checks messages, one by one.

use serde_json::Value;

use super::parts;
use crate::{
    json::list,
    openai::{
        errors::{Verdict, empty_array, invalid_type, invalid_value, missing, must, refuse},
        fields::{
            Field::{self, Any, List, Object, Text},
            check_fields, required_text,
        },
        rules::Rules,
        tools::{check_id, check_name},
    },
};

const ROLES: [&str; 5] = ["system", "assistant", "user", "tool", "developer"];

/// The types of the parts that the content of a message may have, by its role.
const PARTS: [(&str, &[&str]); 5] = [
    ("system", &["text"]),
    ("developer", &["text"]),
    ("tool", &["text"]),
    ("assistant", &["text", "refusal"]),
    ("user", &["text", "image_url", "input_audio", "file"]),
];

const SYSTEM: [(&str, Field); 3] = [("role", Text), ("content", Any), ("name", Text)];
const TOOL: [(&str, Field); 3] = [("role", Text), ("content", Any), ("tool_call_id", Text)];
const ASSISTANT: [(&str, Field); 6] = [
    ("role", Text),
    ("content", Any),
    ("name", Text),
    ("refusal", Text),
    ("audio", Object),
    ("tool_calls", List),
];

pub(super) fn check(messages: &[Value], rules: Rules) -> Verdict {
    messages.iter().enumerate().try_for_each(|(place, message)| one(message, place, rules))
}

fn one(message: &Value, place: usize, rules: Rules) -> Verdict {
    let at = format!("messages[{place}]");
    must(message.is_object(), || invalid_type(&at, "an object", message))?;
    let role = required_text(message, &at, "role")?;
    let known: &[(&str, Field)] = match role {
        "system" | "developer" | "user" => &SYSTEM,
        "tool" => &TOOL,
        "assistant" => &ASSISTANT,
        _ => return Err(invalid_value(&format!("{at}.role"), &message["role"], &ROLES)),
    };
    check_fields(message, &at, known, rules)?;
    if role == "tool" {
        check_id(message, &at, "tool_call_id")?;
    }
    content(message, role, place, rules)?;
    calls(message, &at, rules)
}

/// Only an assistant may say nothing, if it calls tools or declines.
fn content(message: &Value, role: &str, place: usize, rules: Rules) -> Verdict {
    let at = format!("messages[{place}].content");
    match &message["content"] {
        Value::Null => {
            let says = |name: &str| !message[name].is_null();
            let may_be_silent =
                role == "assistant" && ["tool_calls", "refusal", "audio"].into_iter().any(says);
            must(may_be_silent, || {
                let message = "Invalid value for 'content': expected a string, got null.";
                refuse(&format!("messages.[{place}].content"), message)
            })
        }
        Value::String(_) => Ok(()),
        Value::Array(content) => {
            must(!content.is_empty(), || empty_array(&at))?;
            let known = PARTS.iter().find(|(known, _)| *known == role).map_or(&[][..], |(_, known)| known);
            content
                .iter()
                .enumerate()
                .try_for_each(|(place, part)| parts::check(part, &format!("{at}[{place}]"), known, rules))
        }
        other => Err(invalid_type(&at, "one of a string or array of objects", other)),
    }
}

fn calls(message: &Value, at: &str, rules: Rules) -> Verdict {
    if message["tool_calls"].is_null() {
        return Ok(());
    }
    let (calls, at) = (list(&message["tool_calls"]), format!("{at}.tool_calls"));
    must(!calls.is_empty(), || empty_array(&at))?;
    for (place, call) in calls.iter().enumerate() {
        check_call(call, &format!("{at}[{place}]"), rules)?;
        let again = calls[..place].iter().any(|before| before["id"] == call["id"]);
        must(!again, || {
            let message = format!("Invalid parameter: Duplicate value for 'id' of {} in '{at}'.", call["id"]);
            refuse(&format!("{at}[{place}].id"), message)
        })?;
    }
    Ok(())
}

fn check_call(call: &Value, at: &str, rules: Rules) -> Verdict {
    must(call.is_object(), || invalid_type(at, "an object", call))?;
    check_id(call, at, "id")?;
    let (field, text) = match required_text(call, at, "type")? {
        "function" => ("function", "arguments"),
        "custom" => ("custom", "input"),
        _ => return Err(invalid_value(&format!("{at}.type"), &call["type"], &["function", "custom"])),
    };
    check_fields(call, at, &[("id", Text), ("type", Text), (field, Object)], rules)?;
    let (called, at) = (&call[field], format!("{at}.{field}"));
    must(!called.is_null(), || missing(&at))?;
    check_fields(called, &at, &[("name", Text), (text, Text)], rules)?;
    check_name(called, &at, "name")?;
    required_text(called, &at, text).map(|_| ())
}
