//! Checks the format that a request wants replies in.

use serde_json::Value;

use super::{
    errors::{Verdict, invalid_type, invalid_value, missing, must, refuse},
    fields::{required_text, within},
    rules::Rules,
    schema,
    tools::check_name,
};

/// Checks a format at this place. Its name and its schema are in this field of it, or without a
/// field in the format itself. `messages` is the field of the body that must ask for JSON, and its
/// name.
pub(crate) fn check_format(
    format: &Value,
    at: &str,
    schema_field: Option<&str>,
    messages: (&str, &Value),
    rules: Rules,
) -> Verdict {
    if format.is_null() {
        return Ok(());
    }
    match required_text(format, at, "type")? {
        "text" => Ok(()),
        "json_object" => {
            let (name, messages) = messages;
            must(messages.to_string().to_lowercase().contains("json"), || {
                let message = format!(
                    "'{name}' must contain the word 'json' in some form, to use '{at}' of type 'json_object'."
                );
                refuse(name, message)
            })
        }
        "json_schema" => match schema_field {
            None => json_schema(format, at, rules),
            Some(field) => {
                let param = within(at, field);
                must(!format[field].is_null(), || missing(&param))?;
                must(format[field].is_object(), || invalid_type(&param, "an object", &format[field]))?;
                json_schema(&format[field], &param, rules)
            }
        },
        _ => {
            let known = ["text", "json_schema", "json_object"];
            Err(invalid_value(&within(at, "type"), &format["type"], &known))
        }
    }
}

fn json_schema(format: &Value, at: &str, rules: Rules) -> Verdict {
    check_name(format, at, "name")?;
    let (name, schema) = (format["name"].as_str().unwrap_or_default(), &format["schema"]);
    if schema.is_null() && format["strict"] != true {
        return Ok(());
    }
    schema::check(schema, format["strict"] == true, rules).map_err(|why| {
        refuse(&within(at, "schema"), format!("Invalid schema for response_format '{name}': {why}"))
            .with_code("invalid_json_schema")
    })
}
