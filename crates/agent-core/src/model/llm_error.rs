//! Why a model did not answer.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Usage, safe_line};

/// Why a request to a model failed. Plain data, so that it can be journaled and sent on.
///
/// It holds no header, key or prompt. Its [details](LlmErrorDetails) are read and set as if they were fields of its own:
/// `error.kind`, `error.status = Some(429)`.
#[derive(Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(transparent)]
#[error("{}", self.describe())]
// A pointer, since an error is in each result that a piece of a reply passes through.
pub struct LlmError(Box<LlmErrorDetails>);

/// What is known of an [`LlmError`].
#[non_exhaustive]
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LlmErrorDetails {
    /// What kind of failure it was.
    pub kind: LlmErrorKind,
    /// What the server or the backend said.
    pub message: String,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The API's own name of the error, as in `rate_limit_error`.
    pub error_type: Option<String>,
    /// What exactly is wrong, where the API has a code for it, as in `thread_not_found`.
    pub error_code: Option<String>,
    /// The API's id of the request, for its support.
    pub request_id: Option<String>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// What the server says about retrying, if it says anything.
    pub should_retry: Option<bool>,
    /// What the attempts that ended in this cost, as far as the server had said: for who reads a reply's stream to
    /// [note](crate::model::Fold::fail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Box<Usage>>,
}

/// The kinds of failure, told apart by what one can do about them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmErrorKind {
    /// The request is not one the API takes (400, 413, 422): mend the request.
    InvalidRequest,
    /// The request is longer than the model reads, by what only the program can shorten: what the user said, the system
    /// prompt, the tools.
    PromptTooLong,
    /// No key, or a wrong one (401).
    Authentication,
    /// The account does not pay for this (402).
    Billing,
    /// The key may not do this (403).
    Permission,
    /// No such model or address (404).
    NotFound,
    /// Too many requests (429).
    RateLimit,
    /// The API has no room (529).
    Overloaded,
    /// The server failed, or gave up (408, 409, 5xx).
    Server,
    /// The server did not answer in time.
    Timeout,
    /// No connection, or it broke.
    Connection,
    /// The reply broke off before its end.
    Incomplete,
    /// The reply is not what the API promises: damaged on its way, or not the API's at all.
    Malformed,
    /// The reply has no end, or is longer than anybody reads: it is not asked for again.
    TooLong,
    /// The backend is not set up right.
    Configuration,
    /// The backend panicked: a bug in it.
    Panicked,
    /// The request could not be made, since something of the program's own panicked: a bug in that.
    NotAsked,
    /// Anything else.
    Other,
}

impl LlmError {
    /// A failure of this kind, with what was said.
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

    /// The same failure of attempts that cost this.
    pub fn costing(mut self, usage: Usage) -> Self {
        self.usage = (usage != Usage::default()).then(|| Box::new(usage));
        self
    }

    /// Whether the same request may well succeed later.
    pub fn is_retryable(&self) -> bool {
        use LlmErrorKind::*;
        let by_kind = matches!(
            self.kind,
            RateLimit | Overloaded | Server | Timeout | Connection | Incomplete | Malformed
        );
        self.should_retry.unwrap_or(by_kind)
    }

    /// What the attempts that ended in this cost; nothing if that is not known.
    pub fn usage(&self) -> Usage {
        self.usage.as_deref().copied().unwrap_or_default()
    }

    /// How long the server asks to wait before the next try.
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
        // What a server says may be meant for the terminal that shows it.
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

/// Without what is not known: `main` prints this, and so it is the first that a newcomer sees of an error.
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
