//! Reads blocks from JSON.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Block, BlockKind, lenient::mended};
use crate::{Content, InvalidJson, Json, ToolCall, message::fields::Fields};

const RESULT: &str = "tool_result";

/// Reads the fields first, and then the kind that `type` says, because serde's tagged enums can't
/// hold raw JSON. Also returns the block's JSON if it had to be corrected.
pub(super) fn read(json: &Json) -> Result<(BlockKind, Option<Json>), String> {
    if !json.text().starts_with('{') {
        return Err(format!("a JSON object is needed: {}", json.text()));
    }
    let fields = Fields::of(json.text()).map_err(|error| error.to_string())?;
    let kind = fields.text("type").map_err(|error| error.to_string())?;
    let read = match mended(&kind, &fields, json) {
        None => read_as(&kind, &fields, json).map(|read| (read, None)),
        Some(mended) => Fields::of(mended.text())
            .and_then(|fields| read_as(&kind, &fields, &mended))
            .map(|read| (read, Some(mended))),
    };
    read.map_err(|error| format!("type {kind:?}, {error}"))
}

fn read_as(kind: &str, fields: &Fields<'_>, json: &Json) -> Result<BlockKind, InvalidJson> {
    let call = || -> Result<Arc<ToolCall>, InvalidJson> {
        let (id, name) = (fields.required("id")?, fields.required("name")?);
        let input = fields.get("input").ok_or_else(|| InvalidJson::missing("input"))?;
        Ok(Arc::new(ToolCall { id, name, input: json.part(input) }))
    };
    Ok(match kind {
        "text" => BlockKind::Text(fields.required("text")?),
        "thinking" => {
            let signature = fields.optional("signature")?.unwrap_or_default();
            BlockKind::Thinking { thinking: fields.required("thinking")?, signature }
        }
        "redacted_thinking" => BlockKind::RedactedThinking,
        "tool_use" => BlockKind::ToolUse(call()?),
        RESULT => BlockKind::ToolResult {
            tool_use_id: fields.required("tool_use_id")?,
            content: fields.optional("content")?.map(|Inside(content)| content).unwrap_or_default(),
            is_error: fields.optional("is_error")?.unwrap_or_default(),
        },
        "image" => BlockKind::Image,
        "document" => BlockKind::Document,
        "search_result" => BlockKind::SearchResult,
        "server_tool_use" | "mcp_tool_use" => BlockKind::ServerToolUse(call()?),
        kind if kind.ends_with("_tool_result") => {
            BlockKind::ServerToolResult { tool_use_id: fields.required("tool_use_id")? }
        }
        // If another API has a block with this name, it is passed on unchanged.
        "history_summary" => match (fields.read("text"), fields.read("before")) {
            (Some(text), Some(before)) => BlockKind::HistorySummary { text, before },
            _ => BlockKind::Other(kind.to_owned()),
        },
        _ => BlockKind::Other(kind.to_owned()),
    })
}

/// The content of a tool result. A tool result inside it is kept as plain JSON: such nesting can be
/// of any depth, and reading it recursively could overflow the stack.
struct Inside(Content);

impl<'de> Deserialize<'de> for Inside {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Content::read::<Part, D>(deserializer).map(Self)
    }
}

struct Part(Block);

impl From<Part> for Block {
    fn from(Part(block): Part) -> Self {
        block
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let is_result = Fields::of(json.text()).is_ok_and(|fields| fields.string("type") == RESULT);
        match is_result {
            true => Ok(Self(Block::of(json, BlockKind::Other(RESULT.to_owned())))),
            false => Block::from_json(json).map(Self).map_err(D::Error::custom),
        }
    }
}
