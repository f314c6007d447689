//! What an API says of a model.

use std::time::SystemTime;

use agent_core::{Json, message::InvalidJson};

use crate::object_fields::ObjectFields;

/// A model that an account may ask, as the API describes it. `Claude::models` and `OpenAi::models`
/// list them.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// The name to give to the builder's `model(..)`.
    pub id: String,
    /// The model's name for people. OpenAI's API gives none.
    pub display_name: Option<String>,
    /// When the model was released.
    pub created: Option<SystemTime>,
    /// How many tokens of input a request may have, if the API says it.
    pub max_input_tokens: Option<u64>,
    /// How many tokens a reply may have, if the API says it.
    pub max_tokens: Option<u64>,
    /// How far the model is in its life, if the API says it: `active`, `deprecated` or `retired`.
    pub lifecycle: Option<String>,
    /// All that the API says of the model.
    pub json: Json,
}

impl ModelInfo {
    pub(crate) fn read(json: Json) -> Result<Self, InvalidJson> {
        let fields = ObjectFields::of(&json)?;
        Ok(Self {
            id: fields.get("id").unwrap_or_default(),
            display_name: fields.get("display_name"),
            created: fields.time("created_at").or_else(|| fields.time("created")),
            max_input_tokens: fields.get("max_input_tokens"),
            max_tokens: fields.get("max_tokens"),
            lifecycle: fields.get("lifecycle"),
            json,
        })
    }
}
