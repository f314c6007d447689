//! What the server needs of an API that it speaks.

use std::{borrow::Cow, time::Duration};

use agent_core::script::Reply;
use hyper::{HeaderMap, body::Bytes};
use serde_json::Value;

use crate::{RecordedRequest, Refusal, request_reading::RequestReading, vendor::Vendor};

/// An API that the server speaks: how it reads requests, and how it writes replies.
pub(crate) trait Wire: Send + Sync {
    /// Who the API is from.
    fn vendor(&self) -> &'static dyn Vendor;

    /// The complete request. If it continues a reply that the server keeps, the history is put in
    /// front.
    fn complete(&self, body: Value) -> Result<Value, Refusal> {
        Ok(body)
    }

    /// What two attempts of the same request have in common: the body, or for a request that
    /// continues a kept reply the full history, however much of it is sent. `body` is the complete
    /// request.
    fn attempt_key<'a>(&self, text: &'a str, _body: &Value) -> Cow<'a, str> {
        text.into()
    }

    /// What a scenario needs to know about a complete request.
    fn read(&self, body: &Value) -> RequestReading;

    /// Refuses what the real API would refuse.
    fn check(&self, headers: &HeaderMap, body: &Value) -> Result<(), Refusal>;

    /// Refuses a request with more than `most` tokens.
    fn check_length(&self, body: &Value, most: usize) -> Result<(), Refusal>;

    /// Keeps a reply, if later requests may continue it.
    fn keep(&self, _said: Said<'_>) {}

    /// The body of a reply that is not streamed. Fails if the API has no form for it.
    fn unary(&self, said: Said<'_>) -> Result<Bytes, String>;

    /// The events of a streamed reply, each with the pause before it. Fails if the API has no form
    /// for it.
    fn events(&self, said: Said<'_>) -> Result<Vec<(Duration, Bytes)>, String>;

    /// What keeps a stream open without saying anything.
    fn ping(&self) -> Bytes;

    /// An event that says an error. `place` is the number of events before it.
    fn error_event(&self, error_type: &str, message: &str, place: usize) -> Bytes;
}

/// A reply of the scenario, and the request that it is for.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) reply: &'a Reply,
    /// The number of the answer, from 1. It is in the ids of the reply.
    pub(crate) number: usize,
    pub(crate) request: &'a RecordedRequest,
}

impl Said<'_> {
    /// The model that the request names.
    pub(crate) fn model(&self) -> &str {
        self.request.body["model"].as_str().unwrap_or_default()
    }
}
