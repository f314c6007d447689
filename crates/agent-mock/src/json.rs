//! Reading values of JSON.

use serde_json::Value;

/// The texts of a message content: the string itself, or the texts of its text blocks.
pub(crate) fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        blocks => list(blocks).iter().filter_map(|block| block["text"].as_str()).collect(),
    }
}

/// The items of a list. None if it is not a list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The body with these fields changed. `null` removes a field.
#[cfg(test)]
pub(crate) fn with_fields(mut body: Value, fields: Value) -> Value {
    let object = body.as_object_mut().expect("a body is an object");
    for (name, value) in fields.as_object().expect("fields are an object") {
        match value {
            Value::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
    body
}
