//! The errors of OpenAI's APIs for requests that they refuse, in their words.

use serde_json::Value;

use crate::Refusal;

pub(crate) type Verdict = Result<(), Refusal>;

/// Refuses with this message about this field.
pub(crate) fn refuse(param: &str, message: impl Into<String>) -> Refusal {
    Refusal::invalid(message).with_param(param)
}

/// Refuses with this error unless the condition holds.
pub(crate) fn must(holds: bool, refusal: impl FnOnce() -> Refusal) -> Verdict {
    if holds { Ok(()) } else { Err(refusal()) }
}

/// A field that is not there.
pub(crate) fn missing(param: &str) -> Refusal {
    refuse(param, format!("Missing required parameter: '{param}'.")).with_code("missing_required_parameter")
}

/// A field that the API does not have.
pub(crate) fn unknown(param: &str) -> Refusal {
    refuse(param, format!("Unknown parameter: '{param}'.")).with_code("unknown_parameter")
}

/// A field of another type. `expected` is such as `a string`.
pub(crate) fn invalid_type(param: &str, expected: &str, got: &Value) -> Refusal {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let message = format!("Invalid type for '{param}': expected {expected}, but got {got} instead.");
    refuse(param, message).with_code("invalid_type")
}

/// A word that is not one of those that the API has here.
pub(crate) fn invalid_value(param: &str, got: &Value, supported: &[&str]) -> Refusal {
    let got = got.as_str().map_or_else(|| got.to_string(), str::to_owned);
    let supported: Vec<String> = supported.iter().map(|word| format!("'{word}'")).collect();
    let list = match supported.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [others @ .., last] => format!("{}, and {last}", others.join(", ")),
    };
    refuse(param, format!("Invalid value: '{got}'. Supported values are: {list}.")).with_code("invalid_value")
}

/// A text that is too long.
pub(crate) fn above_max_length(param: &str, most: usize, got: usize) -> Refusal {
    let message = format!(
        "Invalid '{param}': string too long. Expected a string with maximum length {most}, but got a string \
         with length {got} instead."
    );
    refuse(param, message).with_code("string_above_max_length")
}

/// A list without items, where there must be one.
pub(crate) fn empty_array(param: &str) -> Refusal {
    let message = format!(
        "Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array instead."
    );
    refuse(param, message).with_code("empty_array")
}
