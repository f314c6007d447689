//! Checks whether the API accepts the input schema of a tool.
//!
//! The API accepts JSON Schema draft 2020-12, with restrictions at the top level. It refuses the
//! whole request if the schema of one tool breaks a restriction. Sources:
//! <https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview>, and the API's own errors.

use serde_json::{Map, Value};

use crate::Json;

/// The types of JSON Schema.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// Keywords that the API refuses at the top level.
const COMPOSED: [&str; 3] = ["oneOf", "anyOf", "allOf"];

/// Keywords that hold a schema, a list of schemas, and schemas by name.
const ONE: [&str; 11] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LISTED: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const NAMED: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

const NO_OBJECT: &str = "must be a JSON object with \"type\": \"object\"; if it is made from a type, that must be a struct, \
    in which a String, a number, a list or an enum is a field: struct Input { word: String }";

/// Says what is wrong with a tool's input schema and how to correct it; `None` if the API accepts
/// it.
pub(crate) fn wrong(schema: &Json) -> Option<String> {
    let schema: Value = schema.parse().unwrap_or_default();
    let Some(object) = schema.as_object().filter(|object| object.get("type") == Some(&"object".into()))
    else {
        return Some(NO_OBJECT.to_owned());
    };
    if let Some(composed) = COMPOSED.into_iter().find(|keyword| object.contains_key(*keyword)) {
        return Some(format!(
            "has {composed:?} at the top, where the API takes no oneOf, anyOf or allOf; usually it comes from an enum \
             that is flattened, or is the input itself: make the input a struct with a field that holds the enum"
        ));
    }
    let names = object.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    if let Some(name) = names.into_iter().find(|name| !is_key(name)) {
        return Some(format!(
            "has a property {name:?}; the API takes names of 1 to 64 of the characters a-z, A-Z, 0-9, _, . and -: \
             rename it"
        ));
    }
    no_schema(&schema, "").map(|why| format!("is no JSON Schema of draft 2020-12: {why}"))
}

fn is_key(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// Says why a value is not a schema, and where, as a JSON pointer.
fn no_schema(schema: &Value, at: &str) -> Option<String> {
    let object = match schema {
        Value::Object(object) => object,
        Value::Bool(_) => return None,
        other => {
            return Some(format!("{other} stands at {at:?}, where a schema must be an object or a boolean"));
        }
    };
    object.iter().find_map(|(keyword, value)| {
        let at = format!("{at}/{keyword}");
        match keyword.as_str() {
            "type" => (!is_type(value)).then(|| {
                format!(
                    "{value} stands at {at:?}, where one of these must be, or a list of them: {}",
                    TYPES.join(", ")
                )
            }),
            keyword if ONE.contains(&keyword) => no_schema(value, &at),
            keyword if LISTED.contains(&keyword) => match value.as_array().filter(|list| !list.is_empty()) {
                Some(list) => list
                    .iter()
                    .enumerate()
                    .find_map(|(place, schema)| no_schema(schema, &format!("{at}/{place}"))),
                None => Some(format!("{value} stands at {at:?}, where a list of schemas must be")),
            },
            keyword if NAMED.contains(&keyword) => match value.as_object() {
                Some(named) => named.iter().find_map(|(name, schema)| {
                    no_schema(schema, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")))
                }),
                None => Some(format!("{value} stands at {at:?}, where an object of schemas must be")),
            },
            _ => None,
        }
    })
}

/// Whether a value is a type, or a list of different types.
fn is_type(value: &Value) -> bool {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::Array(types) => {
            let twice = |(place, kind): (usize, &Value)| types[..place].contains(kind);
            !types.is_empty() && types.iter().all(known) && !types.iter().enumerate().any(twice)
        }
        kind => known(kind),
    }
}
