//! The schemas of a tool: what the model is shown of them, and how inputs are checked.

use std::error::Error;

use boon::{Compiler, SchemaIndex, Schemas, UrlLoader};
use serde_json::{Map, Value, json};

/// The most bytes that the model reads about one input.
const LONGEST: usize = 2_000;

/// The checker wants an address for each schema. Nothing is fetched from there, or from anywhere.
const PLACE: &str = "https://tool.invalid/schema";

/// What model APIs refuse at the top of an input schema.
const COMPOSED: [&str; 3] = ["oneOf", "anyOf", "allOf"];

/// A compiled schema.
pub(super) struct Rules {
    schemas: Schemas,
    index: SchemaIndex,
}

/// Loads nothing: a schema that refers to another document is an error. No file is read, and
/// nothing is fetched, because a server could make the program fetch what only it can reach.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, _: &str) -> Result<Value, Box<dyn Error>> {
        Err("a schema may refer only to its own parts, and nothing is fetched".into())
    }
}

impl Rules {
    /// Compiles a schema. The error says what is wrong with it.
    pub(super) fn of(schema: &Map<String, Value>) -> Result<Self, String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.use_loader(Box::new(Nowhere));
        let one_line = |error: boon::CompileError| {
            format!("{error:#}").replace(PLACE, "").split_whitespace().collect::<Vec<_>>().join(" ")
        };
        compiler.add_resource(PLACE, Value::Object(schema.clone())).map_err(one_line)?;
        let index = compiler.compile(PLACE, &mut schemas).map_err(one_line)?;
        Ok(Self { schemas, index })
    }

    /// Checks a value. The error says which rules it breaks, and where.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        let Err(error) = self.schemas.validate(value, self.index) else { return Ok(()) };
        let mut broken = Vec::new();
        collect(&error, &mut broken);
        let words = broken.join("; ");
        Err(if words.len() > LONGEST { words.chars().take(LONGEST).chain(['…']).collect() } else { words })
    }
}

/// Collects each rule that is broken, with its place in the value.
fn collect(error: &boon::ValidationError<'_, '_>, broken: &mut Vec<String>) {
    if error.causes.is_empty() {
        let place = error.instance_location.to_string();
        let at = if place.is_empty() { "the top level" } else { place.as_str() };
        broken.push(format!("at {at}: {}", error.kind));
    }
    error.causes.iter().for_each(|cause| collect(cause, broken));
}

/// What the model is shown of a tool's input schema, and a sentence about rules that can't be
/// shown. Inputs are checked by the whole schema.
///
/// Model APIs want an object at the top, without `oneOf`, `anyOf` and `allOf`. Servers may leave
/// out the type, and may use these three.
pub(super) fn shown(schema: &Map<String, Value>) -> (Value, Option<String>) {
    let mut shown = schema.clone();
    shown.entry("type").or_insert_with(|| json!("object"));
    shown.remove("$schema");
    shown.remove("$id");
    let hidden: Map<String, Value> =
        COMPOSED.iter().filter_map(|rule| Some(((*rule).to_owned(), shown.remove(*rule)?))).collect();
    let rule = (!hidden.is_empty())
        .then(|| format!("The input must also fit this JSON Schema: {}", Value::Object(hidden)));
    (Value::Object(shown), rule)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Rules, shown};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn inputs_are_checked() {
        let rules =
            Rules::of(&object(json!({"type": "object", "properties": {"days": {"maximum": 7}}}))).unwrap();
        assert_eq!(rules.check(&json!({"days": 7})), Ok(()));
        assert_eq!(rules.check(&json!({"days": 8})), Err("at /days: must be <=7, but got 8".into()));
    }

    #[test]
    fn nothing_is_fetched_for_a_schema() {
        for elsewhere in ["http://127.0.0.1:9/schema.json", "file:///etc/passwd", "other.json"] {
            let schema = json!({"type": "object", "properties": {"a": {"$ref": elsewhere}}});
            let why = Rules::of(&object(schema)).err().unwrap();
            assert!(why.contains("nothing is fetched"), "{elsewhere}: {why}");
        }
        let own = json!({"$defs": {"a": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/a"}}});
        assert!(Rules::of(&object(own)).is_ok());
    }

    #[test]
    fn what_an_api_refuses_is_told_in_words() {
        let check = |schema: Value, expected: Value, rule: Option<&str>| {
            assert_eq!(shown(&object(schema)), (expected, rule.map(str::to_owned)));
        };
        check(json!({}), json!({"type": "object"}), None);
        check(
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}),
            json!({"type": "object"}),
            None,
        );
        check(
            json!({"type": "object", "anyOf": [{"required": ["a"]}]}),
            json!({"type": "object"}),
            Some(r#"The input must also fit this JSON Schema: {"anyOf":[{"required":["a"]}]}"#),
        );
    }
}
