//! The client: tools of MCP servers for agents.

mod builder;
mod call;
mod calls;
mod changes;
mod connection;
mod content;
mod elicitation;
mod error;
mod handler;
mod http;
mod http_client;
mod link;
mod list;
mod names;
mod oauth;
mod oauth_http;
mod process;
mod questions;
mod sampling;
mod schema;
mod secrets;
mod server;
mod settings;
mod tool;
mod tools_of;
mod watcher;
mod words;

pub use builder::ServerBuilder;
pub use elicitation::{Elicitation, Form, FormAnswer, FormAnswers};
pub use error::{McpError, McpErrorKind};
pub use oauth::OAuth;
pub use sampling::Sampling;
pub use server::McpServer;
pub use settings::{Approval, Revision};
pub use tool::McpTool;
pub use tools_of::tools_of;
