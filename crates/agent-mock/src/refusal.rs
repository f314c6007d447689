//! A refused request.

use std::{borrow::Cow, time::Duration};

use agent_core::{LlmError, model::LlmErrorKind};
use hyper::StatusCode;
use serde::Serialize;

/// The error that the server answers with when it refuses a request: what the real API would say.
/// [`check()`](crate::check()) returns it too.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {error_type}: {message}")]
pub struct Refusal {
    /// The HTTP status, such as 400.
    pub status: u16,
    /// The type of the error in the API, such as `invalid_request_error`.
    pub error_type: Cow<'static, str>,
    /// What is wrong and where, such as `messages.0.role: Field required`.
    pub message: String,
    /// A more exact code, where the API has one, such as `thread_not_found`.
    pub error_code: Option<&'static str>,
    /// How long the client should wait before it retries: the header `retry-after`.
    pub retry_after: Option<Duration>,
    /// Whether the client should retry at all: the header `x-should-retry`.
    pub should_retry: Option<bool>,
}

impl Refusal {
    pub(crate) fn new(status: u16, error_type: &'static str, message: impl Into<String>) -> Self {
        let (error_type, message) = (error_type.into(), message.into());
        Self { status, error_type, message, error_code: None, retry_after: None, should_retry: None }
    }

    /// An error with this status and the API's usual type and message for it.
    pub(crate) fn of_status(status: u16) -> Self {
        let error_type = match status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        };
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        Self::new(status, error_type, if status == 529 { "Overloaded" } else { reason.unwrap_or("Error") })
    }

    /// A mistake in the scenario. Retrying does not help.
    pub(crate) fn of_script(message: impl Into<String>) -> Self {
        Self { should_retry: Some(false), ..Self::new(500, "api_error", message) }
    }

    /// A request that the API does not accept.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.error_code = Some(code);
        self
    }

    /// The body of the response, in the form of the API.
    pub(crate) fn body<'a>(&'a self, request_id: &'a str) -> impl Serialize {
        let details = self.error_code.map(|error_code| Details { error_code });
        let error = Error { r#type: &self.error_type, message: &self.message, details };
        Body { r#type: "error", error, request_id }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    error: Error<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Error<'a> {
    r#type: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Serialize)]
struct Details {
    error_code: &'static str,
}

/// An error from the scenario. Its kind gives status and type, unless the error sets them.
impl From<&LlmError> for Refusal {
    fn from(error: &LlmError) -> Self {
        use LlmErrorKind::*;
        let (status, error_type) = match error.kind {
            InvalidRequest | PromptTooLong => (400, "invalid_request_error"),
            Authentication => (401, "authentication_error"),
            Billing => (402, "billing_error"),
            Permission => (403, "permission_error"),
            NotFound => (404, "not_found_error"),
            RateLimit => (429, "rate_limit_error"),
            Timeout => (504, "timeout_error"),
            Overloaded => (529, "overloaded_error"),
            _ => (500, "api_error"),
        };
        let error_type = error.error_type.clone().map_or(Cow::Borrowed(error_type), Cow::Owned);
        Self {
            status: error.status.unwrap_or(status),
            error_type,
            message: error.message.clone(),
            error_code: None,
            retry_after: error.retry_after,
            should_retry: error.should_retry,
        }
    }
}
