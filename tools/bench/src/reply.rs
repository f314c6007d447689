//! A reply, as the floor reads it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A content block, of the kinds that are said here.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block {
    /// Words.
    Text { text: String },
    /// A call.
    ToolUse { id: String, name: String, input: Value },
    /// Its result.
    ToolResult { tool_use_id: String, content: String },
}

/// A reply, as far as the loop reads it.
#[derive(Default, Deserialize)]
pub(crate) struct Reply {
    pub(crate) content: Vec<Block>,
    pub(crate) stop_reason: Option<String>,
}
