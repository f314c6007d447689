//! Checks which fields an object has, and of which type they are.

use serde_json::Value;

use super::{
    errors::{Verdict, invalid_type, invalid_value, missing, must, unknown},
    rules::Rules,
};
use crate::Refusal;

/// The type of a field.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    Text,
    Number,
    Integer,
    Bool,
    List,
    Object,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A form that is checked elsewhere, or not at all.
    Any,
}

/// Checks that an object has only these fields, each of its type. `null` counts as absent. `at` is
/// the place of the object; the fields of the request itself are at `""`.
pub(crate) fn check_fields(object: &Value, at: &str, known: &[(&str, Field)], rules: Rules) -> Verdict {
    for (name, value) in object.as_object().into_iter().flatten() {
        let param = within(at, name);
        let field = known.iter().find(|(known, _)| known == name).map(|(_, field)| field);
        match field {
            Some(_) if value.is_null() => {}
            Some(field) => field.check(value, &param)?,
            None => must(rules.compatible, || unknown(&param))?,
        }
    }
    Ok(())
}

/// The place of a field of the object at `at`.
pub(crate) fn within(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

impl Field {
    fn check(self, value: &Value, param: &str) -> Verdict {
        let (holds, expected) = match self {
            Self::Text => (value.is_string(), "a string"),
            Self::Number => (value.is_number(), "a decimal number"),
            Self::Integer => (value.is_u64() || value.is_i64(), "an integer"),
            Self::Bool => (value.is_boolean(), "a boolean"),
            Self::List => (value.is_array(), "an array"),
            Self::Object => (value.is_object(), "an object"),
            Self::Any => (true, ""),
            Self::Word(words) => {
                let is_known = value.as_str().is_some_and(|word| words.contains(&word));
                return must(is_known, || invalid_value(param, value, words));
            }
        };
        must(holds, || invalid_type(param, expected, value))
    }
}

/// A text that must be there and not empty.
pub(crate) fn required_text<'a>(object: &'a Value, at: &str, name: &str) -> Result<&'a str, Refusal> {
    let param = within(at, name);
    match &object[name] {
        Value::Null => Err(missing(&param)),
        Value::String(text) => Ok(text),
        other => Err(invalid_type(&param, "a string", other)),
    }
}
