//! The tools of several servers.

use std::collections::HashMap;

use super::{McpError, McpErrorKind, McpServer, McpTool, names};

/// The tools of several servers, for one agent. A name that two of them share gets the names of
/// their servers before it: `files_search` and `mail_search`. Other names stay as they are.
///
/// Fails if two of the servers have one name.
pub fn tools_of<'a>(servers: impl IntoIterator<Item = &'a McpServer>) -> Result<Vec<McpTool>, McpError> {
    let servers: Vec<&McpServer> = servers.into_iter().collect();
    for (place, server) in servers.iter().enumerate() {
        if servers[..place].iter().any(|other| other.name() == server.name()) {
            return Err(server.0.error(McpErrorKind::SameName));
        }
    }
    let tools: Vec<McpTool> = servers.iter().flat_map(|server| server.tools()).collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for tool in &tools {
        *counts.entry(agent_core::Tool::spec(tool).name.clone()).or_default() += 1;
    }
    let apart = |tool: McpTool| {
        let name = agent_core::Tool::spec(&tool).name.clone();
        if counts[&name] < 2 {
            return tool;
        }
        let own = servers.iter().find(|server| tool.is_of(&server.0)).expect("it is a tool of one of them");
        let prefixed = names::prefixed(own.name(), &name);
        tool.renamed(prefixed)
    };
    Ok(tools.into_iter().map(apart).collect())
}
