//! A request that the server received.

use std::fmt;

use hyper::HeaderMap;
use serde_json::Value;

use crate::request_reading::RequestReading;

/// One request for a reply that the server received. [`Mock::requests`](crate::Mock::requests)
/// returns them. The function of [`Scenario::by`](crate::Scenario::by) gets one, too.
#[non_exhaustive]
pub struct RecordedRequest {
    /// The body as JSON. If the request continues a message thread (a history that the server
    /// keeps), the messages, tools and system prompt of the thread are included. If it has a
    /// `previous_response_id`, its `input` begins with the history.
    pub body: Value,
    /// The body exactly as it was sent.
    pub text: String,
    /// The [marker](crate::Scenario::by_agent) of the agent that sent the request. `None` if its
    /// system prompt contains no marker of the scenario.
    pub agent: Option<String>,
    /// The number of replies of the model in the request: 0 in the first request of a conversation.
    /// In the Messages API and in chat completions each assistant message is one reply. In the
    /// Responses API, items of the model that follow each other are one reply.
    pub turn: usize,
    /// The number of this attempt: 1 for the first request with this body, 2 for its first retry,
    /// and so on. In a message thread, or with a `previous_response_id`, the histories are compared
    /// instead of the bodies.
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

    /// The text of the last message. Empty if that message has no text. Results of calls are not in
    /// it, so it is empty if the last message has nothing else.
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
