//! Errors of model backends.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Usage, safe_line};

/// The error of a request to a model. It is plain data, so it can be saved and sent.
///
/// The error holds no header, API key or prompt. It dereferences to its [fields](LlmErrorDetails):
/// `error.kind`, `error.status = Some(429)`.
#[derive(Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(transparent)]
#[error("{}", self.describe())]
// Boxed, because each piece of a reply is a `Result` with this error.
pub struct LlmError(Box<LlmErrorDetails>);

/// The fields of an [`LlmError`].
#[non_exhaustive]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LlmErrorDetails {
    /// The kind of failure.
    pub kind: LlmErrorKind,
    /// The message of the server or the backend.
    pub message: String,
    /// The HTTP status; `None` if the server sent none.
    pub status: Option<u16>,
    /// The API's name of the error, such as `rate_limit_error`; `None` if the API gives none.
    pub error_type: Option<String>,
    /// The API's more exact code, such as `thread_not_found`; `None` if the API gives none.
    pub error_code: Option<String>,
    /// The API's id of the request, which its support asks for; `None` if the API gives none.
    pub request_id: Option<String>,
    /// How long the server asks the client to wait before the next attempt; `None` if it does not
    /// say.
    pub retry_after: Option<Duration>,
    /// Whether the server says that a retry makes sense; `None` if it does not say.
    pub should_retry: Option<bool>,
    /// The tokens that the failed attempts used, as far as the server has said. Code that reads the
    /// stream of a reply sets this field with [`Fold::fail`](crate::model::Fold::fail); a backend
    /// leaves it `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Box<Usage>>,
}

/// The kinds of failure of a request. Each asks for a different reaction.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmErrorKind {
    /// The API refuses the request as invalid (400, 413, 422). Correct the request.
    InvalidRequest,
    /// The request is longer than the model's context, because of parts that only the program can
    /// shorten: the user's messages, the system prompt, the tools.
    PromptTooLong,
    /// The API key is missing or wrong (401).
    Authentication,
    /// The account can't pay for the request (402).
    Billing,
    /// The API key lacks permission for the request (403).
    Permission,
    /// There is no such model or address (404).
    NotFound,
    /// The rate limit is reached (429).
    RateLimit,
    /// The API is overloaded (529).
    Overloaded,
    /// The server failed or gave up (408, 409, 5xx).
    Server,
    /// The server did not answer in time.
    Timeout,
    /// There was no connection, or it broke.
    Connection,
    /// The reply broke off before its end.
    Incomplete,
    /// The reply is not what the API specifies: it was damaged, or another server sent it.
    Malformed,
    /// The reply is endless or far too long. The request is not retried.
    TooLong,
    /// The backend is not set up correctly.
    Configuration,
    /// The backend panicked. That is a bug in the backend.
    Panicked,
    /// The request was not made. A wrapper refused it, such as a cassette that has no recording of
    /// it. Or other code of the program panicked, such as a wrapper or a tool's
    /// [`introduce`](crate::Tool::introduce), which is a bug in that code.
    NotAsked,
    /// The request was not made, or was stopped, because a [budget](crate::budget) is used up.
    Budget,
    /// Anything else.
    Other,
}

impl LlmError {
    /// Makes an error of a kind, with a message.
    pub fn new(kind: LlmErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(LlmErrorDetails {
            kind,
            message,
            status: None,
            error_type: None,
            error_code: None,
            request_id: None,
            retry_after: None,
            should_retry: None,
            usage: None,
        }))
    }

    /// Returns the error with the tokens that the failed attempts used.
    pub fn costing(mut self, usage: Usage) -> Self {
        self.usage = (usage != Usage::default()).then(|| Box::new(usage));
        self
    }

    /// Whether the same request may succeed later. If the server sets
    /// [`should_retry`](LlmErrorDetails::should_retry), this is its value. If not, the
    /// [kind](LlmErrorDetails::kind) decides.
    pub fn is_retryable(&self) -> bool {
        use LlmErrorKind::*;
        let by_kind = matches!(
            self.kind,
            RateLimit | Overloaded | Server | Timeout | Connection | Incomplete | Malformed
        );
        self.should_retry.unwrap_or(by_kind)
    }

    /// The tokens that the failed attempts used. Zero if that is not known.
    pub fn usage(&self) -> Usage {
        self.usage.as_deref().copied().unwrap_or_default()
    }

    /// How long the server asks the client to wait before the next attempt; `None` if it does not
    /// say.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn describe(&self) -> String {
        use LlmErrorKind::*;
        let what = match self.kind {
            InvalidRequest => "the model's server refused the request",
            PromptTooLong => "the request is too long",
            Authentication => "the model's server did not accept the key",
            Billing => "the account does not cover this request",
            Permission => "the key is not allowed to do this",
            NotFound => "the model's server knows no such model or address",
            RateLimit => "too many requests",
            Overloaded => "the model's server is overloaded",
            Server => "the model's server failed",
            Timeout => "the model's server did not answer in time",
            Connection => "no connection to the model's server",
            Incomplete => "the reply broke off",
            Malformed => "the reply can't be read",
            TooLong => "the reply is too long",
            Configuration => "the model backend is not set up",
            Panicked => "the model backend panicked",
            NotAsked => "the model was not asked",
            Budget => "the request is not paid for",
            Other => "the model failed",
        };
        let mut text = format!("{what}: {}", self.message);
        let facts = [
            self.status.map(|status| format!("status {status}")),
            self.error_type.clone(),
            self.request_id.as_ref().map(|id| format!("request {id}")),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        if !facts.is_empty() {
            text.push_str(&format!(" ({})", facts.join(", ")));
        }
        // A server's text may contain control characters for the terminal.
        safe_line(&text).into_owned()
    }
}

impl Deref for LlmError {
    type Target = LlmErrorDetails;

    fn deref(&self) -> &LlmErrorDetails {
        &self.0
    }
}

impl DerefMut for LlmError {
    fn deref_mut(&mut self) -> &mut LlmErrorDetails {
        &mut self.0
    }
}

/// Leaves out the fields that are `None`. `main` prints this, so it is the first thing a newcomer
/// sees of an error.
impl fmt::Debug for LlmErrorDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn known<'v, T: fmt::Debug>(
            name: &'v str,
            value: &'v Option<T>,
        ) -> Option<(&'v str, &'v dyn fmt::Debug)> {
            value.as_ref().map(|value| (name, value as _))
        }
        let Self { kind, message, status, error_type, error_code, .. } = self;
        let Self { request_id, retry_after, should_retry, usage, .. } = self;
        let mut fields = f.debug_struct("LlmError");
        fields.field("kind", kind).field("message", message);
        let others = [
            known("status", status),
            known("error_type", error_type),
            known("error_code", error_code),
            known("request_id", request_id),
            known("retry_after", retry_after),
            known("should_retry", should_retry),
            known("usage", usage),
        ];
        for (name, value) in others.into_iter().flatten() {
            fields.field(name, value);
        }
        fields.finish()
    }
}

impl fmt::Debug for LlmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_of_an_error_is_not_printed() {
        let mut error = LlmError::new(LlmErrorKind::RateLimit, "slow down");
        error.status = Some(429);
        insta::assert_snapshot!(format!("{error:?}"), @r#"LlmError { kind: RateLimit, message: "slow down", status: 429 }"#);
    }
}
