//! What a model is asked.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Block, Json, Message, ToolSpec};

/// One request to a model: what an agent reads and what it may call.
///
/// Which model answers, and everything else about it, is the backend's. Cloning is cheap.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The agent that asks.
    pub agent: Arc<str>,
    /// The conversation it asks for.
    pub conversation: Arc<str>,
    /// The system prompt, as text blocks.
    pub system: Vec<Block>,
    /// What was said so far.
    pub messages: Vec<Message>,
    /// The tools it may call.
    pub tools: Arc<[ToolSpec]>,
    /// Tools that run at the API's, as it defines them: `{"type": "web_search_20260318", …}`.
    pub server_tools: Arc<[Json]>,
    /// The container that tools of the server ran in before, to be used again.
    pub container: Option<String>,
    /// The most tokens the reply may have.
    pub max_tokens: u32,
    /// Other fields of the request, which win over the backend's own settings.
    pub extra: BTreeMap<String, Json>,
}

impl Request {
    /// A request of these messages, without a system prompt or tools.
    pub fn new(messages: Vec<Message>) -> Self {
        Self {
            agent: "agent".into(),
            conversation: "run".into(),
            system: Vec::new(),
            messages,
            tools: Arc::new([]),
            server_tools: Arc::new([]),
            container: None,
            max_tokens: 8_000,
            extra: BTreeMap::new(),
        }
    }

    /// The system prompt as one text.
    pub fn system_text(&self) -> String {
        let texts: Vec<&str> = self.system.iter().filter_map(Block::as_text).collect();
        texts.join("\n\n")
    }

    /// The words of the last message: what the user asked, as a rule; nothing if it holds tool results,
    /// which are blocks of [`Kind::ToolResult`](crate::Kind).
    pub fn last_text(&self) -> String {
        self.messages.last().map(Message::text).unwrap_or_default()
    }
}
