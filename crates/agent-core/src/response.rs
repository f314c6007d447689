//! A whole reply of a model.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Block, Json, StopReason, ToolCall, Usage};

/// What a model answered to one request: the fold of its [`Delta`](crate::Delta)s, or the JSON body
/// of a request that was not streamed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The API's id of the reply.
    #[serde(default)]
    pub id: Option<String>,
    /// The model that answered.
    #[serde(default)]
    pub model: Option<String>,
    /// What it said, block by block.
    pub content: Vec<Block>,
    /// Why it stopped.
    #[serde(deserialize_with = "or_null")]
    pub stop_reason: StopReason,
    /// What the API adds to the stop reason, as it came: a refusal's category, for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_details: Option<Json>,
    /// What it cost.
    #[serde(default)]
    pub usage: Usage,
}

fn or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StopReason, D::Error> {
    let reason = Option::<StopReason>::deserialize(deserializer)?;
    Ok(reason.unwrap_or_else(|| StopReason::Other("null".to_owned())))
}

impl Response {
    /// A reply of these blocks.
    pub fn new(content: Vec<Block>, stop_reason: StopReason) -> Self {
        let usage = Usage::default();
        Self { id: None, model: None, content, stop_reason, stop_details: None, usage }
    }

    /// A reply of words that ends the turn.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(vec![Block::text(text)], StopReason::EndTurn)
    }

    /// The calls in it, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(Block::as_tool_use)
    }

    /// The same reply with what it cost.
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }
}
