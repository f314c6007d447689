//! Fields that items of several types have.

use serde_json::Value;

use crate::openai::{
    errors::{Verdict, must, refuse},
    fields::{
        Field::{self, Word},
        within,
    },
};

/// Whether an item is complete.
pub(super) const STATUS: Field = Word(&["in_progress", "completed", "incomplete"]);

/// Checks that the id of an item, if it has one, begins as ids of such items do.
pub(super) fn check_prefix(item: &Value, at: &str, prefix: &str) -> Verdict {
    let id = item["id"].as_str().unwrap_or(prefix);
    must(id.starts_with(prefix), || {
        let param = within(at, "id");
        let message = format!("Invalid '{param}': '{id}'. Expected an ID that begins with '{prefix}'.");
        refuse(&param, message).with_code("invalid_value")
    })
}
