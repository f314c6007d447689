//! From the parts of an HTTP answer to an error, for a backend with an HTTP client of its own.

use std::time::SystemTime;

use agent_core::{LlmError, model::LlmErrorKind};
use reqwest::{StatusCode, header::HeaderMap};

use super::{error::Failed, headers::text};

/// Where APIs put their id of a request.
const REQUEST_IDS: [&str; 2] = ["request-id", "x-request-id"];

/// Makes an [`LlmError`] of an HTTP answer whose status is no success. It is for a backend with its
/// own HTTP client. ([`HttpClient`](super::HttpClient) does this for you.) [`Retry`](crate::Retry)
/// and [`Gate`](crate::Gate) need such errors.
///
/// - The kind comes from the status, and for 5xx also from the name that the body gives the error.
/// - The message comes from the body, whichever way the server writes it: as the Messages API,
///   OpenAI's API, llama.cpp, vLLM and many gateways do, or as plain text. It is cut to 2,000
///   characters.
/// - Headers say how long to wait (`retry-after-ms`, `retry-after`), whether to retry
///   (`x-should-retry`), and the id of the request (`request-id`, `x-request-id`).
///
/// No secret is removed from the message. If your server repeats API keys in its errors, remove
/// them from the body and the headers before the call.
///
/// ```
/// use std::time::Duration;
///
/// use agent_llm::{LlmErrorKind, transport::{HeaderMap, http_error}};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "2".parse()?);
/// let body = r#"{"error": {"type": "requests", "code": "rate_limit_exceeded", "message": "Slow down."}}"#;
/// let error = http_error(429, &headers, body);
/// assert_eq!((error.kind, error.message.as_str()), (LlmErrorKind::RateLimit, "Slow down."));
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
/// assert!(error.is_retryable());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn http_error(status: u16, headers: &HeaderMap, body: &str) -> LlmError {
    let request_id = REQUEST_IDS.iter().find_map(|name| text(headers, name));
    match StatusCode::from_u16(status) {
        Ok(status) => Failed { status, headers, request_id, body }.by_status(SystemTime::now()),
        Err(_) => {
            let message = format!("the server answered with the status {status}, which HTTP does not have");
            LlmError::new(LlmErrorKind::Malformed, message)
        }
    }
}
