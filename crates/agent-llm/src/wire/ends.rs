//! How a streamed reply begins and ends.

use std::collections::BTreeMap;

use agent_core::{Counts, Delta, InvalidJson, Json, StopReason, Usage};
use serde::de::DeserializeOwned;

/// The fields of an object, each as it came.
pub(super) type Fields = BTreeMap<String, Json>;

/// Reads `message_start`: a reply in which nothing was said yet.
pub(super) fn start(mut event: Fields) -> Result<Delta, InvalidJson> {
    let mut extra: Fields = need(&mut event, "message")?;
    let (id, model) = (take(&mut extra, "id")?, take(&mut extra, "model")?);
    let usage = counts(&mut extra)?;
    extra.retain(|name, value| says_something(name, value) && name != "content");
    Ok(Delta::Start { id, model, usage, extra })
}

/// Reads `message_delta`: what of the reply is known only at its end, some of it beside `delta`.
pub(super) fn stop(mut event: Fields) -> Result<Delta, InvalidJson> {
    let delta: Fields = need(&mut event, "delta")?;
    let mut extra = event;
    extra.extend(delta);
    // Written as it is in a reply that was not streamed.
    let stop_reason = take(&mut extra, "stop_reason")?.unwrap_or_else(StopReason::open);
    let (stop_details, usage) = (take(&mut extra, "stop_details")?, counts(&mut extra)?);
    extra.retain(|name, value| says_something(name, value));
    Ok(Delta::Stop { stop_reason, stop_details, usage, extra })
}

fn counts(fields: &mut Fields) -> Result<Counts, InvalidJson> {
    let Some(usage) = take::<Json>(fields, "usage")? else { return Ok(Counts::default()) };
    fields.extend(Usage::details(&usage).map(|details| ("usage".to_owned(), details)));
    usage.parse().map_err(|error| within("usage", error))
}

fn says_something(name: &str, value: &Json) -> bool {
    !matches!(name, "type" | "role") && value.text() != "null"
}

fn need<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Result<T, InvalidJson> {
    take(fields, name)?
        .ok_or_else(|| InvalidJson { pointer: String::new(), message: format!("missing field `{name}`") })
}

fn take<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Result<Option<T>, InvalidJson> {
    let value = fields.remove(name).filter(|value| value.text() != "null");
    value.map(|value| value.parse()).transpose().map_err(|error| within(name, error))
}

fn within(name: &str, InvalidJson { pointer, message }: InvalidJson) -> InvalidJson {
    InvalidJson { pointer: format!("/{name}{pointer}"), message }
}
