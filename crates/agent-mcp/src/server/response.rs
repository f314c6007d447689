//! The response to a call.

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock};

use super::{
    catalog::{Entry, Kind},
    content,
    ended::CallResult,
};

/// The response for a call that has ended.
pub(crate) fn response(entry: &Entry, result: &CallResult) -> CallToolResponse {
    let content = content::to_mcp(&result.content);
    if result.is_error {
        return CallToolResult::error(content).into();
    }
    let mut response = CallToolResult::success(content);
    if entry.kind == Kind::Agent && entry.tool.output_schema.is_some() {
        match serde_json::from_str(&result.content.to_text()) {
            Ok(answer) => response.structured_content = Some(answer),
            Err(error) => {
                return failure(format!(
                    "the agent's answer has no JSON, which its output schema asks for ({error}): {}",
                    result.content.to_text()
                ));
            }
        }
    }
    response.into()
}

/// A failure of the call that the client's model can read.
pub(crate) fn failure(why: impl Into<String>) -> CallToolResponse {
    CallToolResult::error(vec![ContentBlock::text(why)]).into()
}
