//! Compiles the programs in the guide's chapter about MCP.

#[doc = include_str!("../../../docs/guide/26-mcp.md")]
mod mcp {}
