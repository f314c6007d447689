//! Checks which items belong together, over all of them.

use serde_json::Value;

use crate::openai::errors::{Verdict, must, refuse};

/// The calls that the program must answer. Others run on the server.
const CALLS: [&str; 6] = [
    "function_call",
    "custom_tool_call",
    "computer_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
];

/// Checks that each call has exactly one output after it, that each output has a call before it, and
/// that reasoning is followed by what it led to.
pub(super) fn check(items: &[Value]) -> Verdict {
    for (place, item) in items.iter().enumerate() {
        let kind = item["type"].as_str().unwrap_or_default();
        if CALLS.contains(&kind) {
            call(items, place, kind)?;
        } else if let Some(call) = kind.strip_suffix("_output").filter(|call| CALLS.contains(call)) {
            output(&items[..place], item, call)?;
        } else if kind == "reasoning" {
            reasoning(items, place)?;
        }
    }
    Ok(())
}

/// Whether an item is of this type and about the call of another one.
fn is_about(item: &Value, kind: &str, other: &Value) -> bool {
    item["type"] == kind && item["call_id"] == other["call_id"]
}

fn id(item: &Value) -> &str {
    item["call_id"].as_str().unwrap_or_default()
}

fn call(items: &[Value], place: usize, kind: &str) -> Verdict {
    let call = &items[place];
    let again = items[..place].iter().any(|before| is_about(before, kind, call));
    must(!again, || {
        refuse("input", format!("Duplicate call_ids submitted: ['{}', '{}']", id(call), id(call)))
    })?;
    let output = format!("{kind}_output");
    must(items[place..].iter().any(|later| is_about(later, &output, call)), || {
        refuse("input", format!("No tool output found for {} {}.", kind.replace('_', " "), id(call)))
    })
}

fn output(before: &[Value], output: &Value, call: &str) -> Verdict {
    must(before.iter().any(|item| is_about(item, call, output)), || {
        let words = call.replace('_', " ");
        refuse("input", format!("No tool call found for {words} output with call_id {}.", id(output)))
    })?;
    let kind = format!("{call}_output");
    must(!before.iter().any(|item| is_about(item, &kind, output)), || {
        refuse("input", format!("Duplicate call_ids submitted: ['{}', '{}']", id(output), id(output)))
    })
}

/// What a model thinks leads to something that it says or does.
fn reasoning(items: &[Value], place: usize) -> Verdict {
    let follows = items[place + 1..].iter().find(|item| item["type"] != "reasoning").is_some_and(|item| {
        let kind = item["type"].as_str().unwrap_or("message");
        if kind == "message" { item["role"] == "assistant" } else { !kind.ends_with("_output") }
    });
    must(follows, || {
        let id = items[place]["id"].as_str().unwrap_or_default();
        let message =
            format!("Item '{id}' of type 'reasoning' was provided without its required following item.");
        refuse("input", message)
    })
}
