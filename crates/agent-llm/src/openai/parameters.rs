//! The schema of a tool's input, as OpenAI's APIs take it.

use std::borrow::Cow;

use agent_core::Json;

use super::fields::Fields;

/// The schema of a tool's input. OpenAI refuses an object that does not say its `properties`, even
/// if it has none, as of a tool that takes no input. Everything else stays as it is.
pub(super) fn parameters(schema: &Json) -> Cow<'_, Json> {
    let fields = Fields::of(schema.text()).unwrap_or_default();
    let is_object = fields.text("type").as_deref() == Some("object");
    if !is_object || fields.get("properties").is_some() {
        return Cow::Borrowed(schema);
    }
    let open = schema.text().trim_end().strip_suffix('}').unwrap_or_default();
    Json::read(format!("{open},\"properties\":{{}}}}")).map_or(Cow::Borrowed(schema), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_its_properties_and_everything_else_stays() {
        let check = |schema: &str, expected: &str| {
            assert_eq!(parameters(&Json::read(schema).unwrap()).text(), expected);
        };
        check(r#"{"type":"object"}"#, r#"{"type":"object","properties":{}}"#);
        let closed = r#"{ "type": "object", "not":{"a":{}} }"#;
        check(closed, r#"{ "type": "object", "not":{"a":{}} ,"properties":{}}"#);
        for kept in [r#"{"type":"object", "properties":{"z":{}}}"#, "{}", r#"{"type":"string"}"#, "true"] {
            check(kept, kept);
        }
    }
}
