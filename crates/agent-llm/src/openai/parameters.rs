//! The schema of a tool's input, as OpenAI's APIs take it.

use std::borrow::Cow;

use agent_core::Json;
use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::{
    fields::text,
    object::{Known, object, pass_over},
};

/// What counts of a schema here. It is read for each request, so all else is passed over.
#[derive(Default)]
struct Shape<'a> {
    kind: Option<&'a RawValue>,
    has_properties: bool,
}

impl<'de> Known<'de> for Shape<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "type" => self.kind = map.next_value()?,
            "properties" => self.has_properties = map.next_value::<Option<IgnoredAny>>()?.is_some(),
            _ => pass_over(map)?,
        }
        Ok(())
    }
}

/// The schema of a tool's input. OpenAI refuses an object that does not say its `properties`, even
/// if it has none, as of a tool that takes no input. Everything else stays as it is.
pub(super) fn parameters(schema: &Json) -> Cow<'_, Json> {
    let shape: Shape<'_> = object(schema.text()).unwrap_or_default();
    let is_object = shape.kind.and_then(text).as_deref() == Some("object");
    if !is_object || shape.has_properties {
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
