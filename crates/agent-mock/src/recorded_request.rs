//! A request as it came in.

use std::fmt;

use hyper::HeaderMap;
use serde_json::Value;

/// One request for a reply, as a script's function sees it and as the server keeps it.
#[non_exhaustive]
pub struct RecordedRequest {
    /// The body, with what its thread holds if it continues one.
    pub body: Value,
    /// The body as it was written.
    pub text: String,
    /// The agent that asks: the marker that the system prompt contains, if the script has one.
    pub agent: Option<String>,
    /// The number of assistant messages in it: 0 in a conversation's first request.
    pub turn: usize,
    /// How often this very body has come in, or in a thread this history, this time included: 2 for a request that is
    /// made again.
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

    /// A header's value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The words of the last message.
    pub fn last_text(&self) -> String {
        list(&self.body["messages"])
            .last()
            .map(|message| texts(&message["content"]).concat())
            .unwrap_or_default()
    }
}

/// Shows neither headers nor prompt: there may be secrets in them.
impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, turn, attempt, .. } = self;
        let mut shown = f.debug_struct("RecordedRequest");
        shown.field("agent", agent).field("turn", turn).field("attempt", attempt).finish_non_exhaustive()
    }
}

/// The words of a content: a string, or the text blocks among its blocks.
pub(crate) fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        blocks => list(blocks).iter().filter_map(|block| block["text"].as_str()).collect(),
    }
}

/// A list's values; none if it is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
