//! The client: tools of MCP servers for agents.
