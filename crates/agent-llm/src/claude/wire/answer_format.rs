//! The format that an answer must have, as the Messages API takes it.
//!
//! Source: <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>.

use std::collections::BTreeMap;

use agent_core::{Json, Request};
use serde_json::{Value, json};

use crate::{
    answer_schema::{Accepted, fitted},
    claude::builder::ClaudeBuilder,
};

/// The field that holds the format, beside other things.
pub(super) const FIELD: &str = "output_config";

const ACCEPTED: Accepted = Accepted {
    keywords: &[],
    formats: &["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"],
    min_items: 1,
    all_required: false,
    recursive: false,
};

/// Whether the API can hold an answer to this schema.
pub(crate) fn is_supported(settings: &ClaudeBuilder, schema: &Json) -> bool {
    settings.structured_outputs && format(schema).is_some()
}

/// The field with the format of the request's answer in it. A format that the program gave stays.
/// `None` if the request has no schema that the API supports.
pub(super) fn output_config(
    settings: &ClaudeBuilder,
    request: &Request,
    given: Option<&Json>,
) -> Option<Json> {
    let schema = request.answer_schema.as_ref().filter(|_| settings.structured_outputs)?;
    let format = format(schema)?;
    let mut fields: BTreeMap<String, Json> = match given {
        Some(given) => given.parse().ok()?,
        None => BTreeMap::new(),
    };
    fields.entry("format".to_owned()).or_insert(format);
    Some(Json::of(&fields).expect("keys are strings and values are JSON already"))
}

fn format(schema: &Json) -> Option<Json> {
    let schema = fitted(&schema.parse::<Value>().ok()?, &ACCEPTED)?;
    Some(json!({"type": "json_schema", "schema": schema}).into())
}
