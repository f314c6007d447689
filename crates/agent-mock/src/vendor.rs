//! What the APIs of one vendor have in common: errors and headers.

use std::time::Duration;

use agent_core::{LlmError, model::LlmErrorKind};
use hyper::{HeaderMap, StatusCode};

use crate::Refusal;

/// Who an API is from. It decides about keys, errors and headers.
pub(crate) trait Vendor: Send + Sync {
    /// The header that names an answer.
    fn request_id_header(&self) -> &'static str;

    /// Refuses a request without the headers that the API needs, such as a key.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal>;

    /// An error of this kind, with the status and the type that the API has for it.
    fn error(&self, kind: LlmErrorKind, message: String) -> Refusal;

    /// An error with this status and the API's usual type for it.
    fn error_of_status(&self, status: u16, message: String) -> Refusal;

    /// The error for a body that is not JSON.
    fn not_json(&self, error: &str) -> Refusal;

    /// The error for a request over the rate limit, which may come again after `wait`.
    fn over_limit(&self, limits: Limits, wait: Duration) -> Refusal;

    /// The headers that say how much of the rate limit is left.
    fn limit_headers(&self, limits: Limits) -> HeaderMap;

    /// The body of an error.
    fn error_body(&self, refusal: &Refusal, request_id: &str) -> Vec<u8>;
}

/// How much of a rate limit is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most requests in a row.
    pub(crate) limit: u32,
    /// How many of them may come now.
    pub(crate) remaining: u32,
    /// When all of them may come again.
    pub(crate) reset: Duration,
}

impl dyn Vendor + '_ {
    /// An error with this status, and with the message that is usual for it.
    pub(crate) fn usual_error(&self, status: u16) -> Refusal {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let message = if status == 529 { "Overloaded" } else { reason.unwrap_or("Error") };
        self.error_of_status(status, message.to_owned())
    }

    /// An error from the scenario. Its kind gives status and type, unless the error sets them.
    pub(crate) fn scripted_error(&self, error: &LlmError) -> Refusal {
        let usual = self.error(error.kind, error.message.clone());
        Refusal {
            status: error.status.unwrap_or(usual.status),
            error_type: error.error_type.clone().map_or(usual.error_type, Into::into),
            error_code: error.error_code.clone().map(Into::into).or(usual.error_code),
            retry_after: error.retry_after,
            should_retry: error.should_retry,
            ..usual
        }
    }

    /// A mistake in the scenario. Retrying does not help.
    pub(crate) fn mistake(&self, message: impl Into<String>) -> Refusal {
        Refusal { should_retry: Some(false), ..self.error(LlmErrorKind::Server, message.into()) }
    }
}
