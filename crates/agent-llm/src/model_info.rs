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
    /// The model's name for people. `None` if the API gives none, as OpenAI's.
    pub display_name: Option<String>,
    /// When the model was released; `None` if the API does not say.
    pub created: Option<SystemTime>,
    /// How many tokens of input a request may have; `None` if the API does not say.
    pub max_input_tokens: Option<u64>,
    /// How many tokens a reply may have; `None` if the API does not say.
    pub max_tokens: Option<u64>,
    /// Whether the model is `active`, `deprecated` or `retired`; `None` if the API does not say.
    pub lifecycle: Option<String>,
    /// All fields that the API sends about the model.
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
