//! What a model is asked.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use crate::{Block, Json, Message, ToolSpec};

/// One request to a model: what an agent reads and what it may call.
///
/// Which model answers, and everything else about it, is the backend's. Its fields are those of [`RequestParts`]:
/// `request.messages`. Clones share them, however long the history is, until one is changed.
#[derive(Clone, PartialEq)]
pub struct Request(Arc<RequestParts>);

/// What a [`Request`] holds.
#[non_exhaustive]
#[derive(Clone, PartialEq)]
pub struct RequestParts {
    /// The agent that asks.
    pub agent: Arc<str>,
    /// The conversation it asks for.
    pub conversation: Arc<str>,
    /// The system prompt, as text blocks.
    pub system: Vec<Block>,
    /// What was said so far.
    pub messages: Vec<Message>,
    /// How many turns the agent has had since the user spoke, in all the times it had the conversation: 0 in its first request.
    pub turns: u32,
    /// The reply that they go on from, for backends whose server keeps what was said.
    pub previous_reply: Option<PreviousReply>,
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

impl From<RequestParts> for Request {
    fn from(asked: RequestParts) -> Self {
        Self(asked.into())
    }
}

impl Deref for Request {
    type Target = RequestParts;

    fn deref(&self) -> &RequestParts {
        &self.0
    }
}

/// Copies the list of messages (not what is said in them) if there are clones.
impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut RequestParts {
        Arc::make_mut(&mut self.0)
    }
}

/// The last reply to the agent that asks, if it stands among the messages as the server wrote it. What comes before it
/// need not be what was sent then: a view of the history may have changed.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviousReply {
    /// The server's id of the reply ([`Response::id`](crate::Response)).
    pub response: Arc<str>,
    /// How many messages there are up to the reply and with it; those after it are new.
    pub messages: usize,
    /// The reply: where another stands in that place, somebody has changed the messages since, and it does not hold.
    pub reply: Message,
}

/// Shows neither prompts nor what is in other fields: there may be secrets in them.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<&str> = self.tools.iter().map(|tool| tool.name.as_str()).collect();
        let extra: Vec<&String> = self.extra.keys().collect();
        f.debug_struct("Request")
            .field("agent", &self.agent)
            .field("conversation", &self.conversation)
            .field("messages", &self.messages.len())
            .field("tools", &tools)
            .field("max_tokens", &self.max_tokens)
            .field("extra", &extra)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A request of these messages, without a system prompt or tools.
    pub fn new(messages: Vec<Message>) -> Self {
        Self::from(RequestParts {
            agent: "agent".into(),
            conversation: "run".into(),
            system: Vec::new(),
            messages,
            turns: 0,
            previous_reply: None,
            tools: Arc::new([]),
            server_tools: Arc::new([]),
            container: None,
            max_tokens: 8_000,
            extra: BTreeMap::new(),
        })
    }

    /// The system prompt as one text.
    pub fn system_text(&self) -> String {
        let texts: Vec<&str> = self.system.iter().filter_map(Block::as_text).collect();
        texts.join("\n\n")
    }

    /// The words of the last message: what the user asked, as a rule; nothing if it holds tool results,
    /// which are blocks of [`BlockKind::ToolResult`](crate::message::BlockKind).
    pub fn last_text(&self) -> String {
        self.messages.last().map(Message::text).unwrap_or_default()
    }
}
