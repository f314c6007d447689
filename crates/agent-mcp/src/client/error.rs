//! What can go wrong with a server.

/// The error of an MCP server: which server, what went wrong, and what to do about it.
///
/// Errors of calls are not among them. The model reads those as results of its calls.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MCP server {server:?}: {kind}")]
pub struct McpError {
    /// The server's name, or its command or URL if it has no name yet.
    pub server: String,
    /// What went wrong.
    pub kind: McpErrorKind,
}

/// What went wrong with an MCP server.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum McpErrorKind {
    /// A setting is wrong, or does not fit the way in which the server is reached.
    #[error("{0}")]
    Settings(String),
    /// The program of the server can't be started.
    #[error("can't start {program:?}: {why}; is it installed, and in PATH?")]
    Start {
        /// The program.
        program: String,
        /// Why it can't be started.
        why: String,
    },
    /// The server can't be reached, or it does not speak the protocol.
    #[error("no connection: {0}")]
    Connect(String),
    /// The server did not answer in time.
    #[error(
        "no answer to {request} within {limit:?}; a longer time can be set with `{setting}`{}",
        said(last_lines)
    )]
    Timeout {
        /// What it did not answer.
        request: String,
        /// The time that it had.
        limit: std::time::Duration,
        /// The method of [`ServerBuilder`](super::ServerBuilder) that sets the time.
        setting: &'static str,
        /// If the server is a process, the last lines that it wrote to standard error, the oldest
        /// first.
        last_lines: Vec<String>,
    },
    /// The server wants an authorization that the program did not give, or that was refused.
    #[error("not authorized: {0}")]
    Authorization(String),
    /// The server answered a request with an error.
    #[error("it refused {request}: {why}")]
    Refused {
        /// The request.
        request: String,
        /// The server's words.
        why: String,
    },
    /// The connection ended. If the server was a process, `last_lines` has the last lines that it
    /// wrote to standard error.
    #[error("the connection ended{}", said(last_lines))]
    Ended {
        /// The last lines, the oldest first.
        last_lines: Vec<String>,
    },
    /// The settings name a tool that the server does not have.
    #[error("it has no tool {tool:?}, which the settings name; it has {}", list(known))]
    NoSuchTool {
        /// The tool that is missing.
        tool: String,
        /// The tools that the server has.
        known: Vec<String>,
    },
    /// Two of the servers have one name, so their tools can't be told apart.
    #[error("another server has the same name: name each with `named`")]
    SameName,
}

/// The last lines of a process, for the end of a sentence.
pub(super) fn said(last_lines: &[String]) -> String {
    match last_lines {
        [] => String::new(),
        lines => format!(". Its last lines were: {}", lines.join(" | ")),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{McpError, McpErrorKind};

    #[test]
    fn errors_name_the_server_and_say_what_to_do() {
        let check = |kind, expected| {
            assert_eq!(McpError { server: "files".into(), kind }.to_string(), expected);
        };
        check(
            McpErrorKind::NoSuchTool { tool: "rm".into(), known: vec!["read".into(), "write".into()] },
            "MCP server \"files\": it has no tool \"rm\", which the settings name; it has read, write",
        );
        check(
            McpErrorKind::Ended { last_lines: vec!["out of memory".into(), "bye".into()] },
            "MCP server \"files\": the connection ended. Its last lines were: out of memory | bye",
        );
        check(McpErrorKind::Ended { last_lines: Vec::new() }, "MCP server \"files\": the connection ended");
    }
}
