//! Forms of a server: what a person reads, and which answers fit.

use agent_core::Json;
use rmcp::model::{ElicitResult, ElicitationAction};
use serde_json::{Map, Value};

use super::schema::Rules;

/// What a question says if an approval does not answer it. Otherwise a person would approve it again
/// and again.
pub(super) const NO_ANSWER: &str =
    "\nAn approval alone does not answer this. The program must also give `FormAnswers`.";

/// What a person reads. `yes` is the answer that an approval is.
pub(super) fn question(
    server: &str,
    message: &str,
    schema: &Map<String, Value>,
    yes: Option<&Map<String, Value>>,
) -> String {
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let required = schema.get("required").and_then(Value::as_array);
    let fields = fields.map(|(name, field)| {
        let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
        let kind = field.get("type").and_then(Value::as_str).unwrap_or("choice");
        let more = ["title", "description"].iter().filter_map(|key| field.get(*key)?.as_str());
        let more: String = more.map(|words| format!(", {words}")).collect();
        let default = field.get("default").map(|value| format!(", by default {value}")).unwrap_or_default();
        format!("\n- {name}: {kind}{more}{default}{}", if is_required { " (required)" } else { "" })
    });
    let fields: String = fields.collect();
    let answer = match yes {
        None => NO_ANSWER,
        Some(yes) if !yes.is_empty() => "\nAn approval is the answer true.",
        Some(_) => "",
    };
    format!("The server {server:?} asks: {message}{fields}{answer}")
}

/// An answer with the defaults of the fields that it lacks. The error says why it does not fit the
/// schema.
pub(super) fn accepted(answer: &Json, schema: &Map<String, Value>) -> Result<ElicitResult, String> {
    let mut answer: Map<String, Value> =
        answer.parse().map_err(|_| "it must be an object with the fields".to_owned())?;
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = field.get("default") {
            answer.entry(name.clone()).or_insert_with(|| default.clone());
        }
    }
    let answer = Value::Object(answer);
    Rules::of(schema).and_then(|rules| rules.check(&answer))?;
    Ok(ElicitResult::new(ElicitationAction::Accept).with_content(answer))
}

/// The answer that a yes is: the defaults of all fields, and `true` in the only field that is required
/// and has none. `None` if a yes is not enough.
pub(super) fn yes(schema: &Map<String, Value>) -> Option<Map<String, Value>> {
    let field = |name: &str| schema.get("properties")?.get(name);
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let required = required.filter_map(Value::as_str);
    let open: Vec<&str> =
        required.filter(|name| field(name).is_none_or(|field| field.get("default").is_none())).collect();
    let yes = match open[..] {
        [] => Map::new(),
        [only] if field(only)?.get("type")? == "boolean" => Map::from_iter([(only.to_owned(), true.into())]),
        _ => return None,
    };
    accepted(&Value::Object(yes.clone()).into(), schema).is_ok().then_some(yes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{accepted, question, yes};

    fn schema() -> Map<String, Value> {
        let fields = json!({
            "name": {"type": "string", "title": "Your name"},
            "age": {"type": "integer", "default": 30, "minimum": 0},
        });
        json!({"type": "object", "properties": fields, "required": ["name"]}).as_object().unwrap().clone()
    }

    #[test]
    fn a_question_names_its_fields() {
        let expected = "The server \"shop\" asks: Who are you?\n- age: integer, by default 30\n- name: string, Your name (required)\nAn approval alone does not answer this. The program must also give `FormAnswers`.";
        assert_eq!(question("shop", "Who are you?", &schema(), None), expected);
    }

    #[test]
    fn a_yes_answers_a_question_that_needs_nothing_else() {
        let check = |fields: Value, required: &[&str], expected: Option<Value>| {
            let schema = json!({"type": "object", "properties": fields, "required": required});
            assert_eq!(yes(schema.as_object().unwrap()).map(Value::Object), expected);
        };
        let sure = json!({"sure": {"type": "boolean"}});
        check(json!({}), &[], Some(json!({})));
        check(sure.clone(), &[], Some(json!({})));
        check(sure.clone(), &["sure"], Some(json!({"sure": true})));
        check(json!({"sure": {"type": "boolean", "default": false}}), &["sure"], Some(json!({})));
        let sized = json!({"sure": {"type": "boolean"}, "size": {"type": "string", "default": "M"}});
        check(sized, &["sure", "size"], Some(json!({"sure": true})));
        check(json!({"name": {"type": "string"}}), &["name"], None);
        check(json!({"a": {"type": "boolean"}, "b": {"type": "boolean"}}), &["a", "b"], None);
        check(json!({"a": {"type": "boolean", "const": false}}), &["a"], None);
        check(sure, &["unknown"], None);
    }

    #[test]
    fn answers_get_defaults_and_are_checked() {
        let check = |answer: Value, expected: Result<Value, &str>| {
            let result = accepted(&answer.into(), &schema());
            let result = result.map(|result| serde_json::to_value(result).unwrap());
            assert_eq!(result, expected.map_err(str::to_owned));
        };
        check(json!({"name": "Ada"}), Ok(json!({"action": "accept", "content": {"name": "Ada", "age": 30}})));
        check(json!({"name": "Ada", "age": -1}), Err("at /age: must be >=0, but got -1"));
        check(json!({}), Err("at the top level: missing properties 'name'"));
        check(json!("Ada"), Err("it must be an object with the fields"));
    }
}
