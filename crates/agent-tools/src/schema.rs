//! The JSON Schema of a tool's input, from its type.

use schemars::{JsonSchema, generate::SchemaSettings};

/// The schema as a model should read it: everything in one place, without the type's own name.
pub(crate) fn of<I: JsonSchema>() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<I>();
    schema.remove("title");
    schema.to_value()
}
