//! [MCP](https://modelcontextprotocol.io), the protocol by which programs offer tools to models.
//!
//! There are two sides. With the feature `client`, agents use the tools of MCP servers. With the
//! feature `server`, a program offers its tools or its team to MCP clients.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "server")]
mod server;

#[cfg(feature = "client")]
pub use client::{
    Approval, Elicitation, Form, FormAnswer, FormAnswers, McpError, McpErrorKind, McpServer, McpTool, OAuth,
    Revision, Sampling, ServerBuilder, tools_of,
};
#[cfg(feature = "server")]
pub use server::{
    Call, Caller, Handler, HttpService, IDEMPOTENCY_KEY, InvalidCaller, ServeError, Server, serve,
    serve_tools,
};

pub use rmcp;
