//! How a streamed reply begins and ends.

use std::collections::BTreeMap;

use agent_core::{Delta, Json, SharedText, StopReason, Usage, message::InvalidJson, model::Counts};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The fields of an object, each as it came.
pub(super) type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Reads `message_start`: a reply in which nothing was said yet.
pub(super) fn start(mut event: Fields<'_>) -> Result<Delta, InvalidJson> {
    let mut message = match event.contains_key("message") {
        true => object(&mut event, "message")?,
        false => Fields::default(),
    };
    let (id, model) = (label(&mut message, "id"), label(&mut message, "model"));
    let (usage, details) = counts(&mut message)?;
    message.remove("content");
    Ok(Delta::Start { id, model, usage: usage.into(), extra: others(message, details) })
}

/// Reads `message_delta`: what of the reply is known only at its end, some of it beside `delta`.
pub(super) fn stop(mut event: Fields<'_>) -> Result<Delta, InvalidJson> {
    let delta = object(&mut event, "delta")?;
    let mut fields = event;
    fields.extend(delta);
    // Written as it is in a reply that was not streamed.
    let stop_reason = take(&mut fields, "stop_reason")?.unwrap_or_else(StopReason::open);
    let stop_details = take(&mut fields, "stop_details")?;
    let (usage, details) = counts(&mut fields)?;
    let (usage, extra) = (usage.into(), others(fields, details));
    Ok(Delta::Stop { stop_reason, stop_details, usage, extra })
}

/// What a reply or its end says beyond what is read: it is kept.
fn others(fields: Fields<'_>, details: Option<Json>) -> BTreeMap<String, Json> {
    let says_something =
        |name: &str, value: &RawValue| !matches!(name, "type" | "role") && value.get() != "null";
    let others = fields.into_iter().filter(|(name, value)| says_something(name, value));
    let mut others: BTreeMap<_, _> = others.map(|(name, value)| (name, value.to_owned().into())).collect();
    others.extend(details.map(|details| ("usage".to_owned(), details)));
    others
}

fn counts(fields: &mut Fields<'_>) -> Result<(Counts, Option<Json>), InvalidJson> {
    let Some(usage) = take::<Json>(fields, "usage")? else { return Ok(Default::default()) };
    let counts = usage.parse().map_err(|error| within("usage", error))?;
    Ok((counts, Usage::details(&usage)))
}

fn object<'a>(fields: &mut Fields<'a>, name: &str) -> Result<Fields<'a>, InvalidJson> {
    let here = |message| InvalidJson { pointer: String::new(), message };
    let value = fields.remove(name).ok_or_else(|| here(format!("missing field `{name}`")))?;
    if value.get() == "null" {
        return Ok(Fields::default());
    }
    serde_json::from_str(value.get()).map_err(|error| within(name, here(error.to_string())))
}

fn take<T: DeserializeOwned>(fields: &mut Fields<'_>, name: &str) -> Result<Option<T>, InvalidJson> {
    let value = fields.remove(name).filter(|value| value.get() != "null");
    let read = value.map(|value| Json::from(value.to_owned()).parse());
    read.transpose().map_err(|error| within(name, error))
}

/// What a reply is called; a number by its text, as where it is not streamed.
fn label(fields: &mut Fields<'_>, name: &str) -> Option<SharedText> {
    let value = fields.remove(name)?;
    let number = || value.get().parse::<f64>().is_ok().then(|| value.get().into());
    Json::from(value.to_owned()).parse().ok().or_else(number)
}

fn within(name: &str, InvalidJson { pointer, message }: InvalidJson) -> InvalidJson {
    InvalidJson { pointer: format!("/{name}{pointer}"), message }
}
