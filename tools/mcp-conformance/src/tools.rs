//! The tools of the suite that are tools as agents have them.

use std::sync::Arc;

use agent_core::{Block, Content, Context, Json, Outcome, Tool, ToolSpec, async_trait};
use agent_mcp::{Serve, serve_tools};
use agent_tools::FnTool;
use serde_json::{Value, json};

use crate::media::{PNG, WAV};

pub(crate) fn server() -> Serve {
    let tools: Vec<Arc<dyn Tool>> = vec![
        shows("test_simple_text", vec![text("This is a simple text response for testing.")]),
        shows("test_image_content", vec![Block::image("image/png", PNG)]),
        shows("test_audio_content", vec![audio()]),
        shows(
            "test_embedded_resource",
            vec![resource("test://embedded-resource", "text/plain", "Embedded.")],
        ),
        shows(
            "test_multiple_content_types",
            vec![
                text("Multiple content types test:"),
                Block::image("image/png", PNG),
                resource(
                    "test://mixed-content-resource",
                    "application/json",
                    r#"{"test":"data","value":123}"#,
                ),
            ],
        ),
        Arc::new(FnTool::new("test_error_handling", "Fails.", |(): ()| {
            Err::<String, _>("This tool intentionally returns an error for testing")
        })),
        Arc::new(FnTool::new("test_tool_with_progress", "Reports its progress.", progress)),
        Arc::new(Shows { spec: dialect(), blocks: vec![text("It fits.")] }),
        Arc::new(Shows { spec: with_header(), blocks: vec![text("The header fits.")] }),
    ];
    serve_tools(tools).named("agent-mcp conformance", env!("CARGO_PKG_VERSION"))
}

async fn progress((): (), context: Context) -> &'static str {
    for percent in ["0", "50", "100"] {
        context.progress(format!("{percent} of 100"));
    }
    "Reported three times."
}

/// A tool whose result is always the same.
struct Shows {
    spec: ToolSpec,
    blocks: Vec<Block>,
}

#[async_trait]
impl Tool for Shows {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::output(Content::Blocks(self.blocks.clone()))
    }
}

fn shows(name: &str, blocks: Vec<Block>) -> Arc<dyn Tool> {
    let mut spec =
        ToolSpec::new(name, "Returns a fixed result.", json!({"type": "object", "properties": {}}));
    spec.read_only = true;
    Arc::new(Shows { spec, blocks })
}

fn text(text: &str) -> Block {
    Block::text(text)
}

fn audio() -> Block {
    block(json!({"type": "audio", "data": WAV, "mimeType": "audio/wav"}))
}

fn resource(uri: &str, mime: &str, text: &str) -> Block {
    block(json!({"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": text}}))
}

/// A block in the shape of MCP, which agent-mcp passes on.
fn block(json: Value) -> Block {
    Block::from_json(json.into()).expect("an object with a type is a block")
}

/// A tool whose field clients repeat in an HTTP header.
fn with_header() -> ToolSpec {
    let region = json!({"type": "string", "x-mcp-header": "Region"});
    let schema = json!({"type": "object", "properties": {"region": region}});
    ToolSpec::new("test_custom_headers", "Takes a region.", schema)
}

/// A tool whose schema uses what JSON Schema has had since 2020-12. The suite also wants `allOf` at
/// the top, which no agent's tool can have, since the Messages API refuses it.
fn dialect() -> ToolSpec {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            },
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    });
    ToolSpec::new("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", schema)
}
