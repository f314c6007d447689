//! What clients can call: the agents and tools of a server, as MCP describes them.

use std::sync::Arc;

use agent_core::{Conversation, Json, ToolSpec};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::tool_caller;

/// An agent or a tool that clients can call.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) tool: Tool,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Agent,
    Tool,
}

impl Entry {
    /// An agent. Its answers are text, or JSON that fits the schema `answer`.
    pub(crate) fn agent(name: &str, description: Option<&str>, answer: Option<&Value>) -> Self {
        let unknown = || format!("The agent {name:?}. It does the task that you give it, and answers.");
        let description = description.map_or_else(unknown, str::to_owned);
        let task = "The whole task. The agent knows nothing else: give it every fact and number it needs.";
        let schema = json!({
            "type": "object",
            "properties": {"task": {"type": "string", "description": task}},
            "required": ["task"],
            "additionalProperties": false,
        });
        let mut tool = Tool::new(name.to_owned(), description, object(schema));
        tool.output_schema = answer.cloned().map(|schema| Arc::new(object(schema)));
        Self { tool, kind: Kind::Agent }
    }

    /// A plain tool. What its spec says about effects becomes hints.
    pub(crate) fn tool(spec: &ToolSpec) -> Self {
        let schema = object(spec.input_schema.parse().unwrap_or_default());
        let mut hints = ToolAnnotations::new().read_only(spec.read_only);
        if spec.read_only || spec.idempotent {
            hints = hints.idempotent(true);
        }
        let tool = Tool::new(spec.name.clone(), spec.description.clone(), schema).with_annotations(hints);
        Self { tool, kind: Kind::Tool }
    }

    /// The conversation of a call, or what is wrong with its input.
    pub(crate) fn conversation(&self, input: JsonObject) -> Result<Conversation, String> {
        let name = &*self.tool.name;
        if self.kind == Kind::Tool {
            return Ok(tool_caller::conversation(name, Json::from(Value::Object(input))));
        }
        if let Some(other) = input.keys().find(|field| *field != "task") {
            return Err(format!("invalid input: there is no field {other:?}; the only one is \"task\""));
        }
        match input.get("task").and_then(Value::as_str).map(str::trim) {
            Some(task) if !task.is_empty() => Ok(Conversation::start(name, task)),
            _ => Err("invalid input: \"task\" must be a text that says what the agent is to do".to_owned()),
        }
    }
}

/// A schema is an object in each valid agent.
fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
