//! Keys, errors and headers of Anthropic's API.

use std::time::{Duration, SystemTime};

use agent_core::model::LlmErrorKind;
use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use serde::Serialize;

use crate::{
    Refusal,
    vendor::{Limits, Vendor},
};

const VERSION: &str = "anthropic-version";

/// Anthropic's API.
pub(crate) struct Anthropic;

impl Vendor for Anthropic {
    fn request_id_header(&self) -> &'static str {
        "request-id"
    }

    /// Requires a key, in one of its two headers, and a version.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        let token = header("authorization").strip_prefix(b"Bearer ").unwrap_or_default();
        if header("x-api-key").is_empty() && token.is_empty() {
            return Err(Refusal::new(401, "authentication_error", "x-api-key header is required"));
        }
        if header(VERSION).is_empty() {
            return Err(Refusal::invalid("anthropic-version: header is required"));
        }
        Ok(())
    }

    fn error(&self, kind: LlmErrorKind, message: String) -> Refusal {
        use LlmErrorKind::*;
        let status = match kind {
            InvalidRequest | PromptTooLong => 400,
            Authentication => 401,
            Billing => 402,
            Permission => 403,
            NotFound => 404,
            RateLimit => 429,
            Timeout => 504,
            Overloaded => 529,
            _ => 500,
        };
        self.error_of_status(status, message)
    }

    fn error_of_status(&self, status: u16, message: String) -> Refusal {
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
        Refusal::new(status, error_type, message)
    }

    fn not_json(&self, error: &str) -> Refusal {
        Refusal::invalid(format!("The request body is not valid JSON: {error}"))
    }

    fn over_limit(&self, _limits: Limits, wait: Duration) -> Refusal {
        let message = "This request would exceed your account's rate limit. Please try again later.";
        let mut refusal = Refusal::new(429, "rate_limit_error", message);
        refusal.retry_after = Some(Duration::from_secs_f64(wait.as_secs_f64().ceil()));
        refusal
    }

    fn limit_headers(&self, limits: Limits) -> HeaderMap {
        // Rounded up, so that the bucket is full by then.
        let reset = SystemTime::now() + limits.reset + Duration::from_nanos(999_999_999);
        let lines = [
            ("anthropic-ratelimit-requests-limit", limits.limit.to_string()),
            ("anthropic-ratelimit-requests-remaining", limits.remaining.to_string()),
            ("anthropic-ratelimit-requests-reset", humantime::format_rfc3339_seconds(reset).to_string()),
        ];
        let valid = |text: String| HeaderValue::try_from(text).expect("numbers and times are ASCII");
        lines.into_iter().map(|(name, text)| (HeaderName::from_static(name), valid(text))).collect()
    }

    fn error_body(&self, refusal: &Refusal, request_id: &str) -> Vec<u8> {
        let Refusal { error_type, message, error_code, .. } = refusal;
        let details = error_code.as_deref().map(|error_code| Details { error_code });
        let body =
            Body { r#type: "error", error: Error { r#type: error_type, message, details }, request_id };
        serde_json::to_vec(&body).expect("it has string keys only")
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
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    error_code: &'a str,
}

/// Whether the version is older than `2026-10-21`. Old versions accept sampling parameters and
/// more.
pub(super) fn is_old(headers: &HeaderMap) -> bool {
    headers.get(VERSION).is_some_and(|version| version.as_bytes().starts_with(b"2023-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_is_left_and_when_the_bucket_is_full_again() {
        let limits = Limits { limit: 3, remaining: 1, reset: Duration::from_secs(4) };
        let headers = Anthropic.limit_headers(limits);
        let header = |name: &str| {
            headers[&format!("anthropic-ratelimit-requests-{name}")].to_str().unwrap().to_owned()
        };
        assert_eq!((header("limit"), header("remaining")), ("3".to_owned(), "1".to_owned()));
        let reset = humantime::parse_rfc3339(&header("reset")).unwrap();
        let wait = reset.duration_since(SystemTime::now()).unwrap().as_secs_f64();
        assert!((3.5..5.0).contains(&wait), "{wait} s");
        assert_eq!(
            Anthropic.over_limit(limits, Duration::from_millis(1_500)).retry_after,
            Some(Duration::from_secs(2))
        );
    }
}
