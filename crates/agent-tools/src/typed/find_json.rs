//! Finds the JSON in the text of an answer.

use serde_json::Value;

/// Returns the JSON value that the text is, or ends with. A code fence around it is left out, and so
/// is text before it: some models introduce their answer with a sentence.
pub(super) fn find_json(text: &str) -> Option<Value> {
    let text = text.trim();
    let text = text.strip_suffix("```").unwrap_or(text).trim_end();
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let starts = text.match_indices(['{', '[']);
    starts.map(|(at, _)| at).take(MOST_STARTS).find_map(|at| serde_json::from_str(&text[at..]).ok())
}

/// A text may be full of brackets. Each one costs a look at what follows it.
const MOST_STARTS: usize = 1_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Option<Value>) {
        assert_eq!(find_json(text), expected, "{text:?}");
    }

    #[test]
    fn json_is_found_in_what_a_model_says() {
        check(r#" {"a": 1} "#, Some(json!({"a": 1})));
        check("[1, 2]", Some(json!([1, 2])));
        check("\"Oslo\"", Some(json!("Oslo")));
        check("```json\n{\"a\": 1}\n```", Some(json!({"a": 1})));
        check("Here {it} is [now]: {\"a\": {\"b\": []}}", Some(json!({"a": {"b": []}})));
        check("It rains.", None);
        check("", None);
        // Something after it: it may be an example, so it is not taken for the answer.
        check("{\"a\": 1} is what I would say.", None);
        // Cut.
        check("{\"a\": [1, {\"b\":", None);
        check(&"[".repeat(100_000), None);
    }
}
