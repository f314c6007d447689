//! The list of models.

use serde_json::{Value, json};

use super::CREATED;

/// The list of models: one. The server accepts any name.
pub(crate) fn models() -> Value {
    let model = json!({"id": "mock", "object": "model", "created": CREATED, "owned_by": "agent-mock"});
    json!({"object": "list", "data": [model]})
}
