//! Requests to a model.

pub(crate) mod meter;

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use crate::{Block, Json, Message, ToolSpec};
use meter::MeterOf;

/// One request to a model: the messages that an agent reads, and the tools that it may call.
///
/// The backend decides which model answers, and all other settings. A request dereferences to its
/// fields, [`RequestParts`]: `request.messages`. Clones share the fields, and the first change of a
/// clone copies them.
#[derive(Clone, PartialEq)]
pub struct Request(Arc<RequestParts>);

/// The fields of a [`Request`].
#[non_exhaustive]
#[derive(Clone, PartialEq)]
pub struct RequestParts {
    /// The name of the agent that asks.
    pub agent: Arc<str>,
    /// The id of the conversation.
    pub conversation: Arc<str>,
    /// How many delegations lead to the conversation. It is 0 in the user's own conversation.
    pub depth: u32,
    /// The system prompt, as text blocks.
    pub system: Vec<Block>,
    /// The messages that the model reads and answers, in order.
    pub messages: Vec<Message>,
    /// For each message, its index in [`Conversation::messages`](crate::Conversation::messages).
    /// `None` if it is no single message of the record, as a summary. After a transfer, that is so
    /// for all messages before it, because the tool that led to the transfer decides what is read of
    /// them. If this list has another length than `messages`, a wrapper has changed the messages.
    ///
    /// It is for wrappers that replace earlier messages by a summary; see
    /// [`Block::history_summary`].
    pub places: Vec<Option<usize>>,
    /// How many requests this agent's model has answered since the user last spoke: 0 in the
    /// agent's first request. All of them count, even if other agents had the conversation in
    /// between.
    pub turns: u32,
    /// The last reply in the messages that the server can continue from, for backends whose server
    /// keeps the history. `None` if there is no such reply.
    pub previous_reply: Option<PreviousReply>,
    /// The tools that the model may call.
    pub tools: Arc<[ToolSpec]>,
    /// Tools that run on the API's servers, in the API's JSON:
    /// `{"type": "web_search_20260318", …}`.
    pub server_tools: Arc<[Json]>,
    /// The id of the API's container, its sandbox for code, that the agent has used before and will
    /// use again. `None` if the agent has used none.
    pub container: Option<String>,
    /// The most tokens that the reply may have.
    pub max_tokens: u32,
    /// The JSON Schema that the model's answer must fit; `None` if any answer will do. A backend
    /// may ignore it unless the backend [supports](crate::Llm::supports_answer_schema) the schema.
    /// Code that sets the schema also checks the answer, because APIs enforce only parts of a
    /// schema.
    pub answer_schema: Option<Json>,
    /// Other fields of the request, from [`AgentBuilder::extra`](crate::AgentBuilder::extra). They
    /// override the backend's own settings.
    pub extra: BTreeMap<String, Json>,
    /// Who pays for the request.
    pub(crate) meter: MeterOf,
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

/// Copies the list of messages if there are clones. The messages themselves stay shared.
impl DerefMut for Request {
    fn deref_mut(&mut self) -> &mut RequestParts {
        Arc::make_mut(&mut self.0)
    }
}

/// The last reply to the agent that asks, if the messages contain it exactly as the server wrote
/// it. A backend whose server keeps the history can then send only the messages after it. The
/// messages before it may differ from those that were sent earlier, because a filter of the history
/// may have changed.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviousReply {
    /// The server's id of the reply ([`Response::id`](crate::Response)).
    pub response: Arc<str>,
    /// How many messages there are up to the reply, including it. Those after it are new.
    pub messages: usize,
    /// The reply itself. If `messages` has a different one in that place, a wrapper has changed the
    /// messages, and the backend must not use this.
    pub reply: Message,
}

/// Shows no prompts and no values of other fields, because they may hold secrets.
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
    /// Makes a request of these messages, without a system prompt or tools.
    pub fn new(messages: Vec<Message>) -> Self {
        Self::from(RequestParts {
            agent: "agent".into(),
            conversation: "run".into(),
            depth: 0,
            system: Vec::new(),
            places: vec![None; messages.len()],
            messages,
            turns: 0,
            previous_reply: None,
            tools: Arc::new([]),
            server_tools: Arc::new([]),
            container: None,
            max_tokens: 8_000,
            answer_schema: None,
            extra: BTreeMap::new(),
            meter: MeterOf::default(),
        })
    }

    /// The system prompt as one text.
    pub fn system_text(&self) -> String {
        let texts: Vec<&str> = self.system.iter().filter_map(Block::as_text).collect();
        texts.join("\n\n")
    }

    /// The text of the last message, which is usually the user's question. Empty if the last
    /// message holds only tool results, which are blocks of
    /// [`BlockKind::ToolResult`](crate::message::BlockKind).
    pub fn last_text(&self) -> String {
        self.messages.last().map(Message::text).unwrap_or_default()
    }
}
