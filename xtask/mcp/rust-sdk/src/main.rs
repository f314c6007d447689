//! A server on the crate rust-mcp-sdk, for `cargo xtask foreign --mcp`.

use std::sync::Arc;

use async_trait::async_trait;
use rust_mcp_sdk::{
    McpServer, RequestContext, ServerDetails, StdioTransport, ToMcpServerHandler, TransportOptions,
    error::SdkResult,
    macros,
    mcp_server::{McpServerOptions, ServerHandler, server_runtime},
    schema::{
        CallToolError, CallToolRequestParams, CallToolResult, Implementation, ListToolsResult,
        ListToolsResultCacheScope, PaginatedRequestParams, RpcError, ServerCapabilities,
        ServerCapabilitiesTools, ServerResult, TextContent,
    },
};

#[macros::mcp_tool(name = "add", description = "Adds two numbers.", read_only_hint = true)]
#[derive(serde::Deserialize, serde::Serialize, macros::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[macros::mcp_tool(name = "broken", description = "Always fails.")]
#[derive(serde::Deserialize, serde::Serialize, macros::JsonSchema)]
struct Broken {}

struct Sums;

#[async_trait]
impl ServerHandler for Sums {
    async fn handle_list_tools_request(
        &self,
        _: Option<PaginatedRequestParams>,
        _: &RequestContext,
        _: Arc<dyn McpServer>,
    ) -> Result<ListToolsResult, RpcError> {
        Ok(ListToolsResult {
            tools: vec![Add::tool(), Broken::tool()],
            meta: None,
            next_cursor: None,
            cache_scope: ListToolsResultCacheScope::Private,
            result_type: "complete".to_owned(),
            ttl_ms: 0,
        })
    }

    async fn handle_call_tool_request(
        &self,
        params: CallToolRequestParams,
        _: &RequestContext,
        _: Arc<dyn McpServer>,
    ) -> Result<ServerResult, CallToolError> {
        let number = |name| params.arguments.as_ref()?.get(name)?.as_i64();
        match (&*params.name, number("a"), number("b")) {
            ("add", Some(a), Some(b)) => {
                let text = TextContent::new((a + b).to_string(), None, None);
                Ok(ServerResult::CallToolResult(CallToolResult::text_content(vec![text])))
            }
            ("add", ..) => Err(CallToolError::from_message("a and b must be numbers")),
            _ => Err(CallToolError::from_message("no number is there")),
        }
    }
}

#[tokio::main]
async fn main() -> SdkResult<()> {
    let server_info = Implementation {
        name: "sums".to_owned(),
        version: "1.0.0".to_owned(),
        title: None,
        description: None,
        icons: Vec::new(),
        website_url: None,
    };
    let capabilities = ServerCapabilities {
        tools: Some(ServerCapabilitiesTools { list_changed: None }),
        ..Default::default()
    };
    let server = server_runtime::create_server(McpServerOptions {
        server_details: ServerDetails { server_info, capabilities, instructions: None, meta: None },
        transport: StdioTransport::new(TransportOptions::default())?,
        handler: Sums.to_mcp_server_handler(),
        message_observer: None,
    });
    server.start().await
}
