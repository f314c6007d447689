//! [MCP](https://modelcontextprotocol.io), the protocol by which programs offer tools to models.
//!
//! There are two sides. With the feature `client`, agents use the tools of MCP servers. With the
//! feature `server`, a program offers its tools or its team to MCP clients.
//!
//! ```no_run
//! use agent_core::{Agent, Llm};
//! use agent_mcp::McpServer;
//!
//! # async fn run(model: impl Llm + 'static) -> Result<(), Box<dyn std::error::Error>> {
//! let server = McpServer::command("npx", ["-y", "@modelcontextprotocol/server-everything"]).connect().await?;
//! let agent = Agent::builder("helper", model).tools(server.tools()).build()?;
//! println!("{}", agent.run(&mut agent.start("What is the sum of 2 and 3?")).await?.text());
//! # Ok(()) }
//! ```
//!
//! The other side:
//!
//! ```no_run
//! # use agent_core::Team;
//! # #[cfg(feature = "server")]
//! # async fn run(team: Team) -> Result<(), agent_mcp::ServeError> {
//! agent_mcp::serve(team).agent("planner", "Plans trips.").stdio().await
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "client")]
mod client;
// The chapter has programs of both sides.
#[cfg(all(doctest, feature = "client", feature = "server"))]
mod guide;
#[cfg(any(feature = "client", feature = "server"))]
mod idempotency;
#[cfg(feature = "server")]
mod server;

#[cfg(feature = "client")]
pub use client::{
    Approval, Elicitation, Form, FormAnswer, FormAnswers, McpError, McpErrorKind, McpServer, McpTool, OAuth,
    OnDemandTool, Revision, Sampling, ServerBuilder, ToolSearch, tools_of,
};
#[cfg(any(feature = "client", feature = "server"))]
pub use idempotency::IDEMPOTENCY_KEY;
#[cfg(feature = "server")]
pub use server::{
    Caller, ClientCall, Handler, HttpService, InvalidCaller, Serve, ServeError, serve, serve_tools,
};

pub use rmcp;
