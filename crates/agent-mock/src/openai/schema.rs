//! Checks schemas: of the parameters of functions, and of replies.

use serde_json::Value;

use super::rules::Rules;
use crate::json::list;

/// Keywords that may not stand at the top level.
const NOT_AT_THE_TOP: [&str; 5] = ["oneOf", "anyOf", "allOf", "enum", "not"];

/// Keywords that a strict schema can't have.
const NOT_STRICT: [&str; 5] = ["allOf", "oneOf", "not", "if", "patternProperties"];

/// Checks a schema. `strict` is for a model that must keep to it: then all properties are required,
/// and no others are allowed. The error is in the API's words.
pub(crate) fn check(schema: &Value, strict: bool, rules: Rules) -> Result<(), String> {
    if schema["type"] != "object" {
        let got = schema["type"].as_str().unwrap_or("None");
        return Err(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{got}\"'."));
    }
    if !rules.compatible && NOT_AT_THE_TOP.iter().any(|keyword| schema.get(keyword).is_some()) {
        let not = "'oneOf'/'anyOf'/'allOf'/'enum'/'not'";
        return Err(format!("schema must have type 'object' and not have {not} at the top level."));
    }
    if rules.compatible && !strict { Ok(()) } else { Checked { strict }.check(schema, &mut Vec::new()) }
}

struct Checked {
    strict: bool,
}

impl Checked {
    /// Checks a schema at this place.
    fn check(&self, schema: &Value, at: &mut Vec<String>) -> Result<(), String> {
        let Some(keywords) = schema.as_object() else {
            return match schema {
                Value::Bool(_) if !self.strict => Ok(()),
                other => self.wrong(at, &format!("{other} is not of type 'object', 'boolean'.")),
            };
        };
        let is = |kind: &str| match &schema["type"] {
            Value::Array(kinds) => kinds.iter().any(|one| one == kind),
            one => one == kind,
        };
        if is("object")
            && !keywords.contains_key("properties")
            && !keywords.contains_key("$ref")
            && at.is_empty()
        {
            return self.wrong(at, "object schema missing properties.");
        }
        if is("array") && !keywords.contains_key("items") && !keywords.contains_key("prefixItems") {
            return self.wrong(at, "array schema missing items.");
        }
        if self.strict {
            self.strict(schema, is("object"), at)?;
        }
        self.inner(schema, at)
    }

    /// What holds only for strict schemas.
    fn strict(&self, schema: &Value, is_object: bool, at: &[String]) -> Result<(), String> {
        if let Some(keyword) = NOT_STRICT.iter().find(|keyword| schema.get(**keyword).is_some()) {
            return self.wrong(at, &format!("'{keyword}' is not permitted."));
        }
        let has_kind = ["type", "$ref", "anyOf", "enum", "const"].iter().any(|key| schema.get(key).is_some());
        if !has_kind {
            return self.wrong(at, "schema must have a 'type' key.");
        }
        if !is_object {
            return Ok(());
        }
        if schema["additionalProperties"] != false {
            return self.wrong(at, "'additionalProperties' is required to be supplied and to be false.");
        }
        let required: Vec<&str> = list(&schema["required"]).iter().filter_map(Value::as_str).collect();
        let properties = schema["properties"].as_object();
        let names = properties.into_iter().flat_map(serde_json::Map::keys);
        let say =
            "'required' is required to be supplied and to be an array including every key in properties.";
        if let Some(name) = names.into_iter().find(|name| !required.contains(&name.as_str())) {
            return self.wrong(at, &format!("{say} Missing '{name}'."));
        }
        match required.iter().find(|name| properties.is_none_or(|all| !all.contains_key(**name))) {
            Some(name) => self.wrong(at, &format!("{say} Extra required key '{name}' supplied.")),
            None => Ok(()),
        }
    }

    /// Checks the schemas in a schema.
    fn inner(&self, schema: &Value, at: &mut Vec<String>) -> Result<(), String> {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match (keyword.as_str(), value) {
                ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                    for (name, schema) in named {
                        self.within(schema, at, &[keyword, name])?;
                    }
                }
                ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => {
                    for (place, schema) in schemas.iter().enumerate() {
                        self.within(schema, at, &[keyword, &place.to_string()])?;
                    }
                }
                ("items" | "not", schema) => self.within(schema, at, &[keyword])?,
                ("additionalProperties", schema @ Value::Object(_)) => self.within(schema, at, &[keyword])?,
                _ => {}
            }
        }
        Ok(())
    }

    fn within(&self, schema: &Value, at: &mut Vec<String>, steps: &[&str]) -> Result<(), String> {
        at.extend(steps.iter().map(|step| format!("'{step}'")));
        self.check(schema, at)?;
        at.truncate(at.len() - steps.len());
        Ok(())
    }

    /// The place is written as a tuple of Python.
    fn wrong(&self, at: &[String], why: &str) -> Result<(), String> {
        let comma = if at.len() == 1 { "," } else { "" };
        Err(format!("In context=({}{comma}), {why}", at.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_all<'a>(strict: bool, cases: impl IntoIterator<Item = (Value, &'a str)>) {
        for (schema, expected) in cases {
            let checked = check(&schema, strict, Rules::default());
            assert_eq!(checked.err().unwrap_or_default(), expected, "{schema}");
        }
    }

    #[test]
    fn parameters_are_an_object_with_properties_and_arrays_have_items() {
        let object = |properties: Value| json!({"type": "object", "properties": properties});
        let not = "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.";
        check_all(
            false,
            [
                (object(json!({})), ""),
                (object(json!({"a": {}, "b": true})), ""),
                (object(json!({"a": {"type": "object"}})), ""),
                (json!({}), r#"schema must be a JSON Schema of 'type: "object"', got 'type: "None"'."#),
                (
                    json!({"type": "string"}),
                    r#"schema must be a JSON Schema of 'type: "object"', got 'type: "string"'."#,
                ),
                (json!({"type": "object"}), "In context=(), object schema missing properties."),
                (json!({"type": "object", "properties": {}, "anyOf": []}), not),
                (
                    object(json!({"a": {"type": "array"}})),
                    "In context=('properties', 'a'), array schema missing items.",
                ),
                (
                    object(json!({"a": {"anyOf": [{"type": "null"}, {"type": ["array", "null"]}]}})),
                    "In context=('properties', 'a', 'anyOf', '1'), array schema missing items.",
                ),
            ],
        );
        let compatible = Rules { compatible: true };
        assert_eq!(check(&json!({"type": "object"}), false, compatible), Ok(()));
    }

    #[test]
    fn a_strict_schema_requires_all_properties_and_allows_no_others() {
        let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        let say =
            "'required' is required to be supplied and to be an array including every key in properties.";
        let open = json!({"type": "object", "properties": {}});
        let closed = "'additionalProperties' is required to be supplied and to be false.";
        check_all(
            true,
            [
                (object(json!({"a": {"type": "string"}}), json!(["a"])), ""),
                (object(json!({"a": {"$ref": "#/$defs/A"}}), json!(["a"])), ""),
                (open.clone(), &format!("In context=(), {closed}")),
                (
                    object(json!({"a": open}), json!(["a"])),
                    &format!("In context=('properties', 'a'), {closed}"),
                ),
                (
                    object(json!({"a": {"type": "string"}}), json!([])),
                    &format!("In context=(), {say} Missing 'a'."),
                ),
                (
                    object(json!({}), json!(["a"])),
                    &format!("In context=(), {say} Extra required key 'a' supplied."),
                ),
                (
                    object(json!({"a": {}}), json!(["a"])),
                    "In context=('properties', 'a'), schema must have a 'type' key.",
                ),
                (
                    object(json!({"a": {"type": "string", "oneOf": []}}), json!(["a"])),
                    "In context=('properties', 'a'), 'oneOf' is not permitted.",
                ),
            ],
        );
    }
}
