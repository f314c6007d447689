//! The format that an answer must have, as OpenAI's APIs take it.
//!
//! Source: <https://platform.openai.com/docs/guides/structured-outputs>.

use std::collections::BTreeMap;

use agent_core::{Json, Request};
use serde_json::{Value, json};

use super::settings::BodySettings;
use crate::answer_schema::{Accepted, fitted};

/// The name that the APIs want for a format.
const NAME: &str = "answer";

const ACCEPTED: Accepted = Accepted {
    keywords: &[
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
    ],
    formats: &["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"],
    min_items: u64::MAX,
    all_required: true,
    recursive: true,
};

/// Whether the server can hold an answer to this schema.
pub(super) fn is_supported(settings: &BodySettings, schema: &Json) -> bool {
    settings.has_structured_outputs() && strict(schema).is_some()
}

/// The field `response_format` of chat completions, if the request has a schema that is supported.
pub(super) fn response_format(settings: &BodySettings, request: &Request) -> Option<Value> {
    let schema = schema(settings, request)?;
    Some(json!({"type": "json_schema", "json_schema": {"name": NAME, "schema": schema, "strict": true}}))
}

/// The field `text` of the Responses API, if the request has a schema that is supported. A format
/// that the program gave stays.
pub(super) fn text(settings: &BodySettings, request: &Request, given: Option<&Json>) -> Option<Json> {
    let schema = schema(settings, request)?;
    let format = json!({"type": "json_schema", "name": NAME, "schema": schema, "strict": true});
    let mut fields: BTreeMap<String, Json> = match given {
        Some(given) => given.parse().ok()?,
        None => BTreeMap::new(),
    };
    fields.entry("format".to_owned()).or_insert(format.into());
    Some(Json::of(&fields).expect("keys are strings and values are JSON already"))
}

fn schema(settings: &BodySettings, request: &Request) -> Option<Value> {
    strict(request.answer_schema.as_ref().filter(|_| settings.has_structured_outputs())?)
}

fn strict(schema: &Json) -> Option<Value> {
    fitted(&schema.parse::<Value>().ok()?, &ACCEPTED)
}
