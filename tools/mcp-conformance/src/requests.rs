//! The tools of the suite that send something to the client while they run (2025-11-25).

// Logging and sampling are on their way out of MCP, which is why agent-mcp does not offer them.
#![allow(deprecated)]

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolResult, ClientCapabilities, ContentBlock, CreateMessageRequestParams, ElicitRequestParams,
        JsonObject, LoggingLevel, LoggingMessageNotificationParam, ProtocolVersion, Tool,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

pub(crate) fn all() -> Vec<Tool> {
    let tool = |name: &str, fields: &[&str]| {
        let properties: JsonObject =
            fields.iter().map(|field| ((*field).to_owned(), json!({"type": "string"}))).collect();
        let schema = json!({"type": "object", "properties": properties, "required": fields});
        Tool::new(name.to_owned(), "Asks or tells the client something.", object(schema))
    };
    vec![
        tool("test_tool_with_logging", &[]),
        tool("test_logging_tool", &[]),
        tool("test_sampling", &["prompt"]),
        tool("test_elicitation", &["message"]),
        tool("test_elicitation_sep1034_defaults", &[]),
        tool("test_elicitation_sep1330_enums", &[]),
        tool("test_missing_capability", &[]),
    ]
}

/// Makes the call; `None` if the tool is not one of these.
pub(crate) async fn call(
    name: &str,
    input: &JsonObject,
    context: &RequestContext<RoleServer>,
) -> Option<Result<CallToolResult, ErrorData>> {
    let text = |field: &str| input.get(field).and_then(Value::as_str).unwrap_or_default();
    Some(match name {
        "test_tool_with_logging" | "test_logging_tool" => log(context).await,
        "test_sampling" => sample(text("prompt"), context).await,
        "test_elicitation" => elicit(text("message"), username(), context).await,
        "test_elicitation_sep1034_defaults" => elicit("Please check", defaults(), context).await,
        "test_elicitation_sep1330_enums" => elicit("Please choose", choices(), context).await,
        "test_missing_capability" => needs_sampling(context),
        _ => return None,
    })
}

fn done(text: String) -> Result<CallToolResult, ErrorData> {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
}

/// From 2026-07-28 on, a client must ask for the messages with the request.
async fn log(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let is_new = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
    if !is_new {
        for text in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(text));
            context.peer.notify_logging_message(message).await.map_err(failed)?;
        }
    }
    done("Logged.".to_owned())
}

async fn sample(prompt: &str, context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    let params: CreateMessageRequestParams =
        serde_json::from_value(json!({"messages": [message], "maxTokens": 100})).map_err(failed)?;
    let answer = context.peer.create_message(params).await.map_err(failed)?;
    done(format!("LLM response: {}", json!(answer)["content"]["text"]))
}

async fn elicit(
    message: &str,
    schema: Value,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: serde_json::from_value(schema).map_err(failed)?,
    };
    let answer = json!(context.peer.create_elicitation(params).await.map_err(failed)?);
    let (action, content) = (&answer["action"], &answer["content"]);
    done(format!("Elicitation completed: action={action}, content={content}"))
}

fn needs_sampling(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    match context.client_capabilities().is_some_and(|client| client.sampling.is_some()) {
        true => done("The client can sample.".to_owned()),
        false => {
            let needed = ClientCapabilities::builder().enable_sampling().build();
            Err(ErrorData::missing_required_client_capability(needed))
        }
    }
}

fn username() -> Value {
    json!({
        "type": "object",
        "properties": {
            "username": {"type": "string", "description": "User's response"},
            "email": {"type": "string", "description": "User's email address"},
        },
        "required": ["username", "email"],
    })
}

fn defaults() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": true},
        },
    })
}

fn choices() -> Value {
    let titled = |names: [&str; 3], titles: [&str; 3]| -> Vec<Value> {
        names.iter().zip(titles).map(|(name, title)| json!({"const": name, "title": title})).collect()
    };
    let values = ["value1", "value2", "value3"];
    let options = json!(["option1", "option2", "option3"]);
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": options},
            "titledSingle": {
                "type": "string", "oneOf": titled(values, ["First Option", "Second Option", "Third Option"]),
            },
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
            "titledMulti": {
                "type": "array",
                "items": {"anyOf": titled(values, ["First Choice", "Second Choice", "Third Choice"])},
            },
        },
    })
}

fn object(schema: Value) -> JsonObject {
    serde_json::from_value(schema).expect("the schemas above are objects")
}

fn failed(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
