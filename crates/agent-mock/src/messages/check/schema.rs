//! Checks the input schemas of tools.

use std::{collections::HashSet, fmt::Display};

use serde_json::Value;

use super::{Verdict, must, refuse};

/// Checks the input schema of the tool at `at`. The errors are in the API's words.
pub(super) fn check(schema: &Value, at: &impl Display) -> Verdict {
    must(schema.is_object(), || format!("{at}.input_schema: Input should be an object"))?;
    match &schema["type"] {
        Value::Null => refuse(format!("{at}.input_schema.type: Field required"))?,
        kind => must(kind == "object", || format!("{at}.input_schema.type: Input should be 'object'"))?,
    }
    let composed = ["oneOf", "allOf", "anyOf"].iter().any(|keyword| schema.get(keyword).is_some());
    must(!composed, || {
        format!("{at}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level")
    })?;
    let mut names = schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys);
    must(names.all(|name| is_key(name)), || {
        format!("{at}.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'")
    })?;
    must(is_schema(schema), || {
        format!(
            "{at}.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 \
             (https://json-schema.org/draft/2020-12). Learn more about tool use at \
             https://docs.claude.com/en/docs/tool-use."
        )
    })
}

fn is_key(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// Whether it is a valid JSON schema. Checks only keywords that hold types, numbers, strings or
/// other schemas.
fn is_schema(schema: &Value) -> bool {
    let Some(object) = schema.as_object() else { return schema.is_boolean() };
    object.iter().all(|(keyword, value)| match keyword.as_str() {
        "type" => is_type(value),
        "items"
        | "contains"
        | "not"
        | "if"
        | "then"
        | "else"
        | "additionalProperties"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => is_schema(value),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
            value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_schema))
        }
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
            value.as_object().is_some_and(|named| named.values().all(is_schema))
        }
        "required" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
        "enum" => value.is_array(),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => value.is_number(),
        "title" | "description" | "$ref" | "pattern" | "format" => value.is_string(),
        _ => true,
    })
}

/// Whether it is a type name, or a list of different type names.
fn is_type(value: &Value) -> bool {
    let known = ["array", "boolean", "integer", "null", "number", "object", "string"];
    let is_known = |kind: &Value| kind.as_str().is_some_and(|kind| known.contains(&kind));
    match value {
        Value::Array(kinds) => {
            let mut seen = HashSet::new();
            !kinds.is_empty() && kinds.iter().all(|kind| is_known(kind) && seen.insert(kind.as_str()))
        }
        kind => is_known(kind),
    }
}
