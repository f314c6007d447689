//! The server: tools and teams for MCP clients.
