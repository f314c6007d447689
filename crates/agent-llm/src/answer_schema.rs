//! Fits a JSON Schema to what an API accepts as the format of an answer.
//!
//! The APIs enforce only a part of JSON Schema, and refuse a request with any other part. What only
//! limits a value (a bound, a length) becomes words in the description. What an API can't express at
//! all (a map with any keys, a list of mixed types) makes the schema one that it does not support.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// What one API accepts.
pub(crate) struct Accepted {
    /// Keywords that stay, besides those that give the shape.
    pub(crate) keywords: &'static [&'static str],
    /// The values of `format` that stay.
    pub(crate) formats: &'static [&'static str],
    /// The largest `minItems` that stays.
    pub(crate) min_items: u64,
    /// Each field must be required. One that may be left out may be null instead.
    pub(crate) all_required: bool,
    /// A schema may refer to a schema that contains it.
    pub(crate) recursive: bool,
}

/// Keywords that only describe. They say nothing about values.
const DESCRIBES: [&str; 2] = ["title", "description"];
/// Keywords that only limit values. In words, the model can still follow them.
const LIMITS: [&str; 20] = [
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "readOnly",
    "uniqueItems",
];

/// Returns the schema as the API accepts it; `None` if the API can't express it.
pub(crate) fn fitted(schema: &Value, accepted: &Accepted) -> Option<Value> {
    let root = schema.as_object()?;
    if root.get("type")? != "object" || (!accepted.recursive && is_recursive(schema)) {
        return None;
    }
    fit(schema, accepted)
}

fn fit(schema: &Value, accepted: &Accepted) -> Option<Value> {
    let mut fitted = Map::new();
    let mut words = Vec::new();
    let schema = schema.as_object().filter(|schema| is_shaped(schema))?;
    for (keyword, value) in schema {
        let kept = match keyword.as_str() {
            "type" | "enum" | "const" | "$ref" | "required" => Some(value.clone()),
            "$schema" => None,
            "additionalProperties" if *value == json!(false) => None,
            "items" => Some(fit(value, accepted)?),
            // Exactly one, or at least one: the local check tells them apart.
            "anyOf" | "oneOf" => {
                fitted.insert("anyOf".to_owned(), fit_list(value, accepted)?);
                None
            }
            "properties" | "$defs" | "definitions" => Some(fit_named(value, accepted)?),
            other if DESCRIBES.contains(&other) || is_kept(other, value, accepted) => Some(value.clone()),
            other if LIMITS.contains(&other) => {
                words.push(format!("{other}: {value}"));
                None
            }
            _ => return None,
        };
        kept.map(|kept| fitted.insert(keyword.clone(), kept));
    }
    if fitted.contains_key("properties") || fitted.get("type") == Some(&json!("object")) {
        fitted.entry("properties").or_insert_with(|| json!({}));
        fitted.insert("additionalProperties".to_owned(), json!(false));
        if accepted.all_required {
            require_all(&mut fitted);
        }
    }
    if !words.is_empty() {
        let said = fitted.get("description").and_then(Value::as_str).unwrap_or_default();
        let said = format!("{said} ({})", words.join(", "));
        fitted.insert("description".to_owned(), said.trim_start().into());
    }
    Some(fitted.into())
}

/// Whether a schema says what a value looks like. An API refuses one that allows everything.
fn is_shaped(schema: &Map<String, Value>) -> bool {
    ["type", "enum", "const", "$ref", "anyOf", "oneOf"].iter().any(|keyword| schema.contains_key(*keyword))
}

fn is_kept(keyword: &str, value: &Value, accepted: &Accepted) -> bool {
    match keyword {
        "format" => value.as_str().is_some_and(|format| accepted.formats.contains(&format)),
        "minItems" => value.as_u64().is_some_and(|items| items <= accepted.min_items),
        other => accepted.keywords.contains(&other),
    }
}

fn fit_list(schemas: &Value, accepted: &Accepted) -> Option<Value> {
    schemas.as_array()?.iter().map(|schema| fit(schema, accepted)).collect()
}

fn fit_named(schemas: &Value, accepted: &Accepted) -> Option<Value> {
    let named = schemas.as_object()?.iter();
    let fitted: Option<Map<String, Value>> =
        named.map(|(name, schema)| Some((name.clone(), fit(schema, accepted)?))).collect();
    fitted.map(Value::from)
}

/// Requires all fields. One that was not required may now be null.
fn require_all(object: &mut Map<String, Value>) {
    let required: Vec<Value> = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(fields)) = object.get_mut("properties") else { return };
    for (name, schema) in fields.iter_mut() {
        if !required.contains(&json!(name)) {
            *schema = or_null(schema.take());
        }
    }
    let all: Vec<Value> = fields.keys().map(|name| json!(name)).collect();
    object.insert("required".to_owned(), all.into());
}

fn or_null(schema: Value) -> Value {
    match schema.get("type") {
        Some(Value::Array(types)) if types.contains(&json!("null")) => schema,
        Some(Value::String(kind)) if kind == "null" => schema,
        _ => match schema.get("anyOf").and_then(Value::as_array) {
            Some(ways) if ways.contains(&json!({"type": "null"})) => schema,
            _ => json!({"anyOf": [schema, {"type": "null"}]}),
        },
    }
}

/// Whether a part of the schema refers to a part that contains it.
fn is_recursive(schema: &Value) -> bool {
    // A reference to the whole schema leads back at once.
    References { root: schema, open: vec!["#"], closed: HashSet::new() }.lead_back(schema)
}

/// The references that have been followed.
struct References<'a> {
    root: &'a Value,
    /// Those that led to the part that is looked at.
    open: Vec<&'a str>,
    /// Those that do not lead back.
    closed: HashSet<&'a str>,
}

impl<'a> References<'a> {
    fn lead_back(&mut self, part: &'a Value) -> bool {
        match part {
            Value::Array(parts) => parts.iter().any(|part| self.lead_back(part)),
            Value::Object(parts) => parts.iter().any(|(keyword, value)| match (keyword.as_str(), value) {
                ("$defs" | "definitions", _) => false,
                ("$ref", Value::String(to)) => self.leads_back(to),
                _ => self.lead_back(value),
            }),
            _ => false,
        }
    }

    fn leads_back(&mut self, to: &'a str) -> bool {
        if self.open.contains(&to) {
            return true;
        }
        let target = to.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target.filter(|_| self.closed.insert(to)) else { return false };
        self.open.push(to);
        let back = self.lead_back(target);
        self.open.pop();
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Accepted = Accepted {
        keywords: &["minimum"],
        formats: &["date"],
        min_items: 1,
        all_required: true,
        recursive: false,
    };
    const LOOSE: Accepted = Accepted { all_required: false, recursive: true, ..STRICT };

    fn check(accepted: &Accepted, schema: Value, expected: Option<Value>) {
        assert_eq!(fitted(&schema, accepted), expected, "{schema}");
    }

    fn object(field: Value) -> Value {
        json!({"type": "object", "properties": {"a": field}, "required": ["a"]})
    }

    fn closed(field: Value) -> Option<Value> {
        let mut object = object(field);
        object["additionalProperties"] = json!(false);
        Some(object)
    }

    #[test]
    fn a_limit_that_is_not_enforced_becomes_words() {
        check(
            &STRICT,
            object(json!({"type": "integer", "minimum": 1, "maximum": 7, "description": "Days."})),
            closed(json!({"type": "integer", "minimum": 1, "description": "Days. (maximum: 7)"})),
        );
        let dates = json!({"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 2});
        let sent = json!({"type": "array", "items": {"type": "string", "format": "date"}, "description": "(minItems: 2)"});
        check(&STRICT, object(dates), closed(sent));
        check(
            &STRICT,
            object(json!({"type": "integer", "format": "uint8"})),
            closed(json!({"type": "integer", "description": "(format: \"uint8\")"})),
        );
    }

    #[test]
    fn a_field_that_may_be_left_out_may_be_null_where_all_are_required() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "string"},
            "b": {"type": ["string", "null"]},
            "c": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        }});
        let mut loose = schema.clone();
        loose["additionalProperties"] = json!(false);
        check(&LOOSE, schema.clone(), Some(loose.clone()));
        loose["properties"]["a"] = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
        loose["required"] = json!(["a", "b", "c"]);
        check(&STRICT, schema, Some(loose));
    }

    #[test]
    fn one_of_several_is_any_of_them() {
        let ways = json!([{"type": "string", "enum": ["a"]}, {"const": 1}]);
        check(&STRICT, object(json!({"oneOf": ways})), closed(json!({"anyOf": ways})));
    }

    #[test]
    fn what_an_api_cannot_express_is_not_supported() {
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        let tuple = json!({"type": "array", "prefixItems": [{"type": "string"}]});
        for field in
            [map, tuple, json!({}), json!(true), json!({"not": {}}), json!({"type": "string", "if": {}})]
        {
            check(&STRICT, object(field), None);
        }
        check(&STRICT, json!({"type": "array", "items": {"type": "string"}}), None);
        check(&STRICT, json!({"type": "object", "anyOf": [{"not": {}}]}), None);
    }

    #[test]
    fn a_schema_that_contains_itself_needs_an_api_that_takes_it() {
        let list =
            json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/list"}}, "required": ["next"]});
        let schema = json!({
            "type": "object", "properties": {"list": {"$ref": "#/$defs/list"}}, "required": ["list"],
            "$defs": {"list": list},
        });
        assert_eq!(fitted(&schema, &STRICT), None);
        assert!(fitted(&schema, &LOOSE).is_some());
        let again = json!({"type": "object", "properties": {"a": {"$ref": "#"}}});
        assert_eq!(fitted(&again, &STRICT), None);
        // The same part twice is no circle.
        let twice = json!({
            "type": "object", "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/$defs/x"}},
            "required": ["a", "b"], "$defs": {"x": {"type": "string"}},
        });
        assert!(fitted(&twice, &STRICT).is_some());
    }
}
