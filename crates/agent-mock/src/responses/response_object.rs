//! The object that stands for a whole reply.

use serde_json::{Map, Value, json};

use super::output::{End, Output};
use crate::openai::{CREATED, usage};

/// Fields that repeat what the request says, and what they are if it says nothing.
fn repeated() -> [(&'static str, Value); 16] {
    [
        ("background", json!(false)),
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("max_tool_calls", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("previous_response_id", Value::Null),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("store", json!(true)),
        ("temperature", json!(1.0)),
        ("text", json!({"format": {"type": "text"}})),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_logprobs", json!(0)),
        ("top_p", json!(1.0)),
        ("truncation", json!("disabled")),
    ]
}

/// The object of a reply that has begun.
pub(super) fn begun(output: &Output<'_>) -> Value {
    response(output, None)
}

/// The object of a reply that has ended.
pub(super) fn ended(output: &Output<'_>) -> Value {
    response(output, Some(output.items()))
}

/// The object of a reply with these items. Without items, it is still in progress.
fn response(output: &Output<'_>, items: Option<Vec<Value>>) -> Value {
    let body = &output.said.request.body;
    let mut object = Map::new();
    for (name, otherwise) in repeated() {
        object.insert(
            name.to_owned(),
            body.get(name).filter(|said| !said.is_null()).cloned().unwrap_or(otherwise),
        );
    }
    let ended = items.is_some();
    let (status, error, details) = match &output.end {
        _ if !ended => ("in_progress", Value::Null, Value::Null),
        End::Completed => ("completed", Value::Null, Value::Null),
        End::Incomplete(reason) => ("incomplete", Value::Null, json!({"reason": reason})),
        End::Failed => ("failed", error(output), Value::Null),
    };
    let usage = if ended { usage(output.said.reply, "input", "output") } else { Value::Null };
    let fields = [
        ("id", json!(output.id())),
        ("object", json!("response")),
        ("created_at", json!(CREATED)),
        ("status", json!(status)),
        ("error", error),
        ("incomplete_details", details),
        ("model", json!(output.said.model())),
        ("output", items.unwrap_or_default().into()),
        ("service_tier", json!("default")),
        ("usage", usage),
    ];
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    if ended {
        let extra = output.said.reply.extra.iter().filter(|(name, _)| *name != "usage");
        object.extend(extra.filter_map(|(name, value)| Some((name.clone(), value.parse().ok()?))));
    }
    object.into()
}

/// The error of a reply that failed: the details of its stop reason.
fn error(output: &Output<'_>) -> Value {
    let details = output.said.reply.stop_details.as_ref().and_then(|details| details.parse().ok());
    let made_up = || json!({"code": "server_error", "message": "The model failed to generate a response."});
    details.unwrap_or_else(made_up)
}
