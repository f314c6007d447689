//! Checks the functions that a request offers, and which of them it forces.

use serde_json::Value;

use super::{
    errors::{Verdict, above_max_length, invalid_type, must, refuse},
    fields::{required_text, within},
    rules::Rules,
    schema,
};
use crate::json::list;

/// How many characters a name or an id may have.
const LONGEST: usize = 64;

/// Checks the definition of a function at this place: its name and its parameters.
pub(crate) fn check_function(function: &Value, at: &str, rules: Rules) -> Verdict {
    check_name(function, at, "name")?;
    let (name, parameters) = (function["name"].as_str().unwrap_or_default(), &function["parameters"]);
    let param = within(at, "parameters");
    let strict = function["strict"] == true;
    match parameters {
        // A function without parameters has none.
        Value::Null if !strict => Ok(()),
        Value::Object(_) | Value::Null => schema::check(parameters, strict, rules).map_err(|why| {
            refuse(&param, format!("Invalid schema for function '{name}': {why}"))
                .with_code("invalid_function_parameters")
        }),
        other => Err(invalid_type(&param, "an object", other)),
    }
}

/// Checks a name, or the id of a call: a text of 1 to 64 letters, digits, `_` and `-`.
pub(crate) fn check_name(object: &Value, at: &str, field: &str) -> Verdict {
    let name = required_text(object, at, field)?;
    let param = within(at, field);
    check_id(object, at, field)?;
    must(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), || {
        let message = format!(
            "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern \
             '^[a-zA-Z0-9_-]+$'."
        );
        refuse(&param, message).with_code("invalid_value")
    })
}

/// Checks the id of a call: a text of 1 to 64 characters.
pub(crate) fn check_id(object: &Value, at: &str, field: &str) -> Verdict {
    let id = required_text(object, at, field)?;
    let (param, length) = (within(at, field), id.chars().count());
    must(length > 0, || {
        let message = format!(
            "Invalid '{param}': empty string. Expected a string with minimum length 1, but got an empty \
             string instead."
        );
        refuse(&param, message).with_code("empty_string")
    })?;
    must(length <= LONGEST, || above_max_length(&param, LONGEST, length))
}

/// The tokens in these fields of a body, roughly: four bytes of text are one token, and a picture or
/// a file has 1,600.
pub(crate) fn tokens(body: &Value, fields: &[&str]) -> usize {
    fields.iter().map(|name| bytes(&body[*name])).sum::<usize>().div_ceil(4)
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(_) => list(value).iter().map(bytes).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| part(name, value)).sum(),
        _ => 0,
    }
}

fn part(name: &str, value: &Value) -> usize {
    match name {
        "image_url" | "file_data" | "file_url" | "input_audio" => 4 * 1600,
        _ => bytes(value),
    }
}
