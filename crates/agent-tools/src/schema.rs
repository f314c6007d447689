//! A tool's input: the JSON Schema of its type, and how the input is read.

use std::marker::PhantomData;

use agent_core::{Json, ToolSpec};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::limits::Limits;

/// How a tool reads inputs of this type.
pub(crate) struct Input<I> {
    /// The type is `()` or like it: a call sends the empty object for it.
    is_nothing: bool,
    reads: PhantomData<fn() -> I>,
}

/// The JSON Schema of a type, for a model to read: all of it in one place, and without the Rust type's name.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

impl<I: DeserializeOwned + JsonSchema> Input<I> {
    /// The reader, the limits, and the spec of a tool with this input.
    pub(crate) fn new(name: impl Into<String>, description: impl Into<String>) -> (Self, Limits, ToolSpec) {
        let schema = schema_of::<I>();
        let is_nothing = schema.get("type").is_some_and(|kind| kind == "null");
        let schema = if is_nothing { json!({"type": "object", "properties": {}}) } else { schema };
        let limits = Limits::of(&schema);
        let mut spec = ToolSpec::new(name, description, schema);
        spec.fault = limits.fault();
        (Self { is_nothing, reads: PhantomData }, limits, spec)
    }

    /// Reads an input. The error says what is wrong and where, for the model.
    pub(crate) fn read(&self, input: &Json, limits: &Limits) -> Result<I, String> {
        let read = match self.is_nothing && input.text().starts_with('{') {
            true => Json::from(Value::Null).parse(),
            false => input.parse(),
        };
        let read = read.map_err(|error| format!("invalid input: {error}"))?;
        limits.check(input).map_err(|why| format!("invalid input: {why}"))?;
        Ok(read)
    }
}
