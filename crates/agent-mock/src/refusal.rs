//! A refused request.

use std::{borrow::Cow, time::Duration};

/// The error with which the real API would refuse a request. The server answers with it, and
/// [`check()`](crate::check()), [`check_chat()`](crate::check_chat()) and
/// [`check_responses()`](crate::check_responses()) return it.
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
    /// A more exact code, such as `thread_not_found` or `invalid_value`; `None` if the API has none
    /// for this error.
    pub error_code: Option<Cow<'static, str>>,
    /// The field of the request that is wrong, such as `messages[0].role`. Only OpenAI's APIs have
    /// it; for others it is `None`.
    pub param: Option<String>,
    /// How long the client should wait before it retries: the header `retry-after`. `None` if it is
    /// not sent.
    pub retry_after: Option<Duration>,
    /// Whether the client should retry at all: the header `x-should-retry`. `None` if it is not
    /// sent.
    pub should_retry: Option<bool>,
}

impl Refusal {
    pub(crate) fn new(
        status: u16,
        error_type: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        let (error_type, message) = (error_type.into(), message.into());
        let (error_code, param, retry_after, should_retry) = (None, None, None, None);
        Self { status, error_type, message, error_code, param, retry_after, should_retry }
    }

    /// A request that the API does not accept.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(crate) fn with_code(mut self, code: &'static str) -> Self {
        self.error_code = Some(code.into());
        self
    }

    pub(crate) fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }
}
