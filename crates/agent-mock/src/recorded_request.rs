//! A request that the server received.

use std::fmt;

use hyper::HeaderMap;
use serde_json::Value;

/// One request for a reply that the server received. Get them with
/// [`Mock::requests`](crate::Mock::requests); the function of [`Scenario::by`](crate::Scenario::by)
/// gets one too.
#[non_exhaustive]
pub struct RecordedRequest {
    /// The body as JSON. If the request continues a message thread, the messages, tools and system
    /// prompt of the thread are in it.
    pub body: Value,
    /// The body exactly as it was sent.
    pub text: String,
    /// The marker of the agent that sent it, if the scenario has one that its system prompt
    /// contains.
    pub agent: Option<String>,
    /// The number of assistant messages in it: 0 in the first request of a conversation.
    pub turn: usize,
    /// How often a request with the same body has come in, including this time: 1 the first time, 2
    /// for a first retry. In a message thread, how often one with the same history has.
    pub attempt: usize,
    headers: HeaderMap,
}

impl RecordedRequest {
    pub(crate) fn new(
        headers: HeaderMap,
        text: String,
        body: Value,
        agent: Option<String>,
        attempt: usize,
    ) -> Self {
        let assistant = |message: &&Value| message["role"] == "assistant";
        let turn = list(&body["messages"]).iter().filter(assistant).count();
        Self { body, text, agent, turn, attempt, headers }
    }

    /// The value of a header. `None` if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text of the last message.
    pub fn last_text(&self) -> String {
        list(&self.body["messages"])
            .last()
            .map(|message| texts(&message["content"]).concat())
            .unwrap_or_default()
    }
}

/// Headers and prompt may hold secrets, so they are not shown.
impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, turn, attempt, .. } = self;
        let mut shown = f.debug_struct("RecordedRequest");
        shown.field("agent", agent).field("turn", turn).field("attempt", attempt).finish_non_exhaustive()
    }
}

/// The texts of a message content: the string itself, or the texts of its text blocks.
pub(crate) fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        blocks => list(blocks).iter().filter_map(|block| block["text"].as_str()).collect(),
    }
}

/// The items of a list. None if it is not a list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
