//! How blocks are read.

use super::Kind;
use std::sync::Arc;

use crate::{InvalidJson, Json, ToolCall, fields::Fields};

/// Two steps, since raw JSON can't be read inside serde's tagged enums: the fields first, then what the type says
/// they are.
pub(super) fn read(json: &Json) -> Result<Kind, String> {
    if !json.text().starts_with('{') {
        return Err(format!("a JSON object is needed: {}", json.text()));
    }
    let fields = Fields::of(json.text()).map_err(|error| error.to_string())?;
    let kind = fields.word("type").map_err(|error| error.to_string())?;
    read_as(&kind, &fields, json).map_err(|error| format!("type {kind:?}, {error}"))
}

fn read_as(kind: &str, fields: &Fields<'_>, json: &Json) -> Result<Kind, InvalidJson> {
    let call = || -> Result<Arc<ToolCall>, InvalidJson> {
        let (id, name) = (fields.need("id")?, fields.need("name")?);
        let input = fields.get("input").ok_or_else(|| InvalidJson::missing("input"))?;
        Ok(Arc::new(ToolCall { id, name, input: json.part(input) }))
    };
    Ok(match kind {
        "text" => Kind::Text(fields.need("text")?),
        "thinking" => {
            let signature = fields.may("signature")?.unwrap_or_default();
            Kind::Thinking { thinking: fields.need("thinking")?, signature }
        }
        "redacted_thinking" => Kind::RedactedThinking,
        "tool_use" => Kind::ToolUse(call()?),
        "tool_result" => Kind::ToolResult {
            tool_use_id: fields.need("tool_use_id")?,
            content: fields.may("content")?.unwrap_or_default(),
            is_error: fields.may("is_error")?.unwrap_or_default(),
        },
        "image" => Kind::Image,
        "document" => Kind::Document,
        "search_result" => Kind::SearchResult,
        "server_tool_use" | "mcp_tool_use" => Kind::ServerToolUse(call()?),
        kind if kind.ends_with("_tool_result") => {
            Kind::ServerToolResult { tool_use_id: fields.need("tool_use_id")? }
        }
        _ => Kind::Other(kind.to_owned()),
    })
}
