//! A value that fits a JSON Schema.

use serde_json::{Map, Value, json};

/// The deepest nesting of a value. A schema may contain itself.
const DEPTH: usize = 8;

/// Makes up a value that fits a schema, as far as the common keywords say: the required properties,
/// the first value of an enum, the first of several schemas, 1 and 2 for numbers, "text" for a
/// string. The same schema always gives the same value.
pub(crate) fn example(schema: &Value) -> Value {
    Example { root: schema, numbers: 0 }.value(schema, 0)
}

struct Example<'a> {
    /// The schema that references point into.
    root: &'a Value,
    /// How many numbers were made up so far.
    numbers: u64,
}

impl<'a> Example<'a> {
    fn value(&mut self, schema: &'a Value, depth: usize) -> Value {
        if let Some(given) = schema.get("const").or_else(|| schema["enum"].get(0)) {
            return given.clone();
        }
        if let Some(other) = self.replacement(schema).filter(|_| depth < DEPTH) {
            return self.value(other, depth + 1);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")),
            kind => kind.as_str(),
        };
        match kind.unwrap_or(if schema["properties"].is_object() { "object" } else { "string" }) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "number" | "integer" => self.number(schema),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => json!("text"),
        }
    }

    /// The schema to use in place of this one: what it refers to, or the first of its alternatives.
    fn replacement(&self, schema: &'a Value) -> Option<&'a Value> {
        let named = schema["$ref"].as_str().and_then(|name| self.root.pointer(name.strip_prefix('#')?));
        let one_of = |key: &str| schema[key].as_array()?.iter().find(|schema| schema["type"] != "null");
        named.or_else(|| ["anyOf", "oneOf", "allOf"].into_iter().find_map(one_of))
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let mut object = Map::new();
        let required = schema["required"].as_array().filter(|_| depth < DEPTH);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            object.insert(name.to_owned(), self.value(&schema["properties"][name], depth + 1));
        }
        object.into()
    }

    /// An array of two items, unless the schema wants more or fewer.
    fn array(&mut self, schema: &'a Value, depth: usize) -> Value {
        let bound = |key: &str| schema[key].as_u64();
        let length = bound("minItems").unwrap_or(2).max(2).min(bound("maxItems").unwrap_or(u64::MAX));
        let length = if depth < DEPTH { length.min(100) } else { 0 };
        (0..length).map(|_| self.value(&schema["items"], depth + 1)).collect()
    }

    fn number(&mut self, schema: &Value) -> Value {
        self.numbers += 1;
        let number = if self.numbers % 2 == 1 { 1 } else { 2 };
        let outside = |key: &str, out: fn(f64, f64) -> bool| {
            schema.get(key).filter(|bound| bound.as_f64().is_some_and(|bound| out(f64::from(number), bound)))
        };
        let least = outside("minimum", |number, bound| number < bound);
        least.or_else(|| outside("maximum", |number, bound| number > bound)).cloned().unwrap_or(json!(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: Value, expected: Value) {
        assert_eq!(example(&schema), expected, "{schema}");
    }

    #[test]
    fn a_value_fits_its_schema() {
        check(json!({"type": "object"}), json!({}));
        check(json!({"type": "object", "properties": {"a": {"type": "string"}}}), json!({}));
        check(
            json!({
                "type": "object",
                "properties": {
                    "a": {"type": "number"}, "b": {"type": "integer"}, "c": {"enum": ["x", "y"]},
                    "d": {"type": "boolean"}, "e": {"type": ["null", "string"]}, "f": {"const": 7},
                },
                "required": ["a", "b", "c", "d", "e", "f", "g"],
            }),
            json!({"a": 1, "b": 2, "c": "x", "d": true, "e": "text", "f": 7, "g": "text"}),
        );
        check(json!({"type": "array", "items": {"type": "number"}}), json!([1, 2]));
        check(json!({"type": "array", "items": {"type": "string"}, "maxItems": 1}), json!(["text"]));
        check(json!({"type": "integer", "minimum": 10}), json!(10));
        check(json!({"type": "number", "maximum": 0.5}), json!(0.5));
        check(json!({"anyOf": [{"type": "null"}, {"type": "boolean"}]}), json!(true));
    }

    #[test]
    fn references_are_followed_and_circles_end() {
        let point = json!({"properties": {"x": {"type": "number"}}, "required": ["x"]});
        check(
            json!({"type": "object", "properties": {"p": {"$ref": "#/$defs/P"}}, "required": ["p"], "$defs": {"P": point}}),
            json!({"p": {"x": 1}}),
        );
        check(json!({"$ref": "#"}), json!("text"));
        let list = example(&json!({"properties": {"next": {"$ref": "#"}}, "required": ["next"]}));
        assert!(list.pointer("/next/next/next").is_some_and(Value::is_object), "{list}");
    }
}
