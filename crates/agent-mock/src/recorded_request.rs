//! A request that the server received.

use std::fmt;

use hyper::HeaderMap;
use serde_json::Value;

use crate::request_reading::RequestReading;

/// One request for a reply that the server received. Get them with
/// [`Mock::requests`](crate::Mock::requests); the function of [`Scenario::by`](crate::Scenario::by)
/// gets one too.
#[non_exhaustive]
pub struct RecordedRequest {
    /// The body as JSON. If the request continues a message thread, the messages, tools and system
    /// prompt of the thread are in it. If it has a `previous_response_id`, its `input` begins with
    /// the history.
    pub body: Value,
    /// The body exactly as it was sent.
    pub text: String,
    /// The marker of the agent that sent it, if the scenario has one that its system prompt
    /// contains.
    pub agent: Option<String>,
    /// The number of replies of the model in it: 0 in the first request of a conversation. In the
    /// Messages API and in chat completions these are the assistant messages. In the Responses API
    /// they are the runs of items that a model wrote, between those that it did not write.
    pub turn: usize,
    /// How often a request with the same body has come in, including this time: 1 the first time, 2
    /// for a first retry. In a message thread, or with a `previous_response_id`, how often one with
    /// the same history has.
    pub attempt: usize,
    pub(crate) reading: RequestReading,
    headers: HeaderMap,
}

impl RecordedRequest {
    pub(crate) fn new(
        headers: HeaderMap,
        text: String,
        body: Value,
        reading: RequestReading,
        agent: Option<String>,
        attempt: usize,
    ) -> Self {
        Self { body, text, agent, turn: reading.turn, attempt, reading, headers }
    }

    /// The value of a header. `None` if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text of the last message. Results of calls are not in it, so it is empty if the last
    /// message has nothing else.
    pub fn last_text(&self) -> String {
        self.reading.last_text.clone()
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
