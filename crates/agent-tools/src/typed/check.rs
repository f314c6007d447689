//! Checks an answer against its type.

use agent_core::Json;
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::find_json::find_json;
use crate::{
    rules::{Rules, Which},
    schema::schema_of,
};

/// An answer whose type is not an object, in an object. The APIs accept only objects.
#[derive(Deserialize, JsonSchema)]
struct InObject<T> {
    answer: T,
}

/// Checks answers of one type. It does not name the type, so a model's wrapper can hold it.
pub(super) struct Check {
    /// The schema of an answer, which is an object.
    pub(super) schema: Json,
    rules: Rules,
    is_in_object: bool,
    reads: fn(Value, bool) -> Result<(), String>,
}

impl Check {
    /// The check for a type. It fails if the schema of the type is not a valid one.
    pub(super) fn of<T: DeserializeOwned + JsonSchema>() -> Result<Self, String> {
        let schema = schema_of::<T>();
        let is_in_object = schema.get("type") != Some(&json!("object"));
        let schema = if is_in_object { schema_of::<InObject<T>>() } else { schema };
        let reads = |value, is_in_object| read::<T>(value, is_in_object).map(drop);
        Ok(Self { schema: schema.clone().into(), rules: Rules::of(schema)?, is_in_object, reads })
    }

    /// Says what is wrong with an answer, for the model.
    pub(super) fn answer(&self, text: &str) -> Result<(), String> {
        let value = self.value(text)?;
        (self.reads)(value, self.is_in_object)
    }

    /// Reads an answer. `T` is the type that the check was made for.
    pub(super) fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, String> {
        read(self.value(text)?, self.is_in_object)
    }

    /// Reads the answer of a tool, which is JSON, or a string as it is.
    pub(super) fn read_of_tool<T: DeserializeOwned>(&self, text: &str) -> Result<T, String> {
        let as_string = || self.fitting(Value::String(text.to_owned()));
        let value = match serde_json::from_str(text) {
            Ok(value) => self.fitting(value).or_else(|why| as_string().map_err(|_| why)),
            Err(_) => as_string(),
        };
        read(value?, self.is_in_object)
    }

    /// The answer as JSON that fits the schema.
    fn value(&self, text: &str) -> Result<Value, String> {
        match find_json(text) {
            Some(value) => self.fitting(value),
            None => Err("the answer is not JSON".to_owned()),
        }
    }

    /// The value as one that fits the schema.
    fn fitting(&self, value: Value) -> Result<Value, String> {
        let value = match self.is_in_object && value.get("answer").is_none() {
            true => json!({"answer": value}),
            false => value,
        };
        let Err(why) = self.rules.check(&value, Which::All) else { return Ok(value) };
        // Where an API requires all fields, null stands for one that is left out.
        let shorter = without_nulls(value);
        self.rules.check(&shorter, Which::All).map(|()| shorter).map_err(|_| why)
    }
}

fn read<T: DeserializeOwned>(value: Value, is_in_object: bool) -> Result<T, String> {
    let value = Json::from(value);
    let read = match is_in_object {
        true => value.parse::<InObject<T>>().map(|object| object.answer),
        false => value.parse(),
    };
    read.map_err(|error| error.to_string())
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let left = fields.into_iter().filter(|(_, value)| !value.is_null());
            left.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
