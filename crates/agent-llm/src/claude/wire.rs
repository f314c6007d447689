//! The API's JSON: what goes out, what comes in. No IO.

mod answer_format;
mod begun;
mod ends;
mod event;
mod grow;
mod request;
mod said;
mod tools;

pub(crate) use answer_format::is_supported;
pub(crate) use begun::Begun;
pub(crate) use event::read;
#[cfg(test)]
pub(crate) use request::error_with_more_than_words;
pub(crate) use request::{body, counted, in_batch, max_tokens};
pub(crate) use said::{Field, Grown, Said};

use std::fmt::Display;

use agent_core::{LlmError, model::LlmErrorKind};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Reads what came with this event.
fn parse<'a, T: Deserialize<'a>>(event: &str, json: &'a str) -> Result<T, LlmError> {
    serde_json::from_str(json).map_err(|error| malformed(event, error))
}

/// A field that this event can't do without.
fn need<'a>(event: &str, field: &str, value: Option<&'a RawValue>) -> Result<&'a RawValue, LlmError> {
    value.ok_or_else(|| malformed(event, format!("missing field `{field}`")))
}

fn malformed(event: &str, error: impl Display) -> LlmError {
    LlmError::new(LlmErrorKind::Malformed, format!("event {event:?}: {error}"))
}
