//! Keys, errors and headers of OpenAI's APIs.

use std::time::Duration;

use agent_core::model::LlmErrorKind;
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use serde::Serialize;

use crate::{
    Refusal,
    vendor::{Limits, Vendor},
};

/// OpenAI's APIs, and servers that speak like them.
pub(crate) struct OpenAi;

impl Vendor for OpenAi {
    fn request_id_header(&self) -> &'static str {
        "x-request-id"
    }

    /// A local server needs no key. A header that should have one must have one.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let key = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let token = |key: &[u8]| key.strip_prefix(b"Bearer ").is_some_and(|key| !key.trim_ascii().is_empty());
        if key.is_none_or(token) {
            return Ok(());
        }
        let message = "You didn't provide an API key. You need to provide your API key in an Authorization \
                       header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)";
        Err(Refusal::new(401, "invalid_request_error", message))
    }

    fn error(&self, kind: LlmErrorKind, message: String) -> Refusal {
        use LlmErrorKind::*;
        let (status, code) = match kind {
            InvalidRequest => (400, None),
            PromptTooLong => (400, Some("context_length_exceeded")),
            Authentication => (401, None),
            Billing => (429, Some("insufficient_quota")),
            Permission => (403, None),
            NotFound => (404, Some("model_not_found")),
            RateLimit => (429, None),
            Timeout => (504, None),
            Overloaded => (503, Some("server_is_overloaded")),
            _ => (500, None),
        };
        let refusal = self.error_of_status(status, message);
        match code {
            Some("insufficient_quota") => {
                Refusal { error_type: "insufficient_quota".into(), ..refusal }.with_code("insufficient_quota")
            }
            Some(code) => refusal.with_code(code),
            None => refusal,
        }
    }

    fn error_of_status(&self, status: u16, message: String) -> Refusal {
        match status {
            401 => Refusal::new(status, "invalid_request_error", message).with_code("invalid_api_key"),
            429 => Refusal::new(status, "requests", message).with_code("rate_limit_exceeded"),
            ..=499 => Refusal::new(status, "invalid_request_error", message),
            _ => Refusal::new(status, "server_error", message),
        }
    }

    fn not_json(&self, error: &str) -> Refusal {
        Refusal::invalid(format!("We could not parse the JSON body of your request. ({error})"))
    }

    fn over_limit(&self, limits: Limits, wait: Duration) -> Refusal {
        let (limit, again) = (limits.limit, in_words(wait));
        let message = format!(
            "Rate limit reached for requests: Limit {limit}, Used {limit}, Requested 1. Please try again in \
             {again}."
        );
        let mut refusal = self.error_of_status(429, message);
        // Whole milliseconds are sent, and no less than the wait.
        refusal.retry_after = Some(Duration::from_secs_f64((wait.as_secs_f64() * 1e3).ceil() / 1e3));
        refusal
    }

    fn limit_headers(&self, limits: Limits) -> HeaderMap {
        let lines = [
            ("x-ratelimit-limit-requests", limits.limit.to_string()),
            ("x-ratelimit-remaining-requests", limits.remaining.to_string()),
            ("x-ratelimit-reset-requests", in_words(limits.reset)),
        ];
        let valid = |text: String| HeaderValue::try_from(text).expect("numbers and times are ASCII");
        lines.into_iter().map(|(name, text)| (HeaderName::from_static(name), valid(text))).collect()
    }

    fn error_body(&self, refusal: &Refusal, _request_id: &str) -> Vec<u8> {
        let Refusal { error_type, message, error_code, param, .. } = refusal;
        let error =
            Error { message, r#type: error_type, param: param.as_deref(), code: error_code.as_deref() };
        serde_json::to_vec(&Body { error }).expect("it has string keys only")
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// A time as OpenAI writes it: `120ms`, `1.5s`, `6m0s`. Rounded up to milliseconds.
fn in_words(time: Duration) -> String {
    let millis = time.as_nanos().div_ceil(1_000_000);
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let seconds = format!("{}.{:03}", rest / 1000, rest % 1000);
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    match (minutes, rest) {
        (0, 1..=999) => format!("{rest}ms"),
        (0, _) => format!("{seconds}s"),
        _ => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_is_left_and_how_long_it_takes_until_all_of_it_is_back() {
        let check = |millis: u64, expected: &str| {
            let limits = Limits { limit: 3, remaining: 1, reset: Duration::from_millis(millis) };
            let headers = OpenAi.limit_headers(limits);
            let header = |name: &str| headers[&format!("x-ratelimit-{name}-requests")].to_str().unwrap();
            assert_eq!((header("limit"), header("remaining"), header("reset")), ("3", "1", expected));
        };
        check(0, "0s");
        check(120, "120ms");
        check(1_500, "1.5s");
        check(20_000, "20s");
        check(360_000, "6m0s");
        check(179_560, "2m59.56s");
    }

    #[test]
    fn a_header_for_a_key_needs_a_key_and_no_header_needs_none() {
        let check = |header: Option<&'static str>, accepted: bool| {
            let header = header.map(|text| (AUTHORIZATION, HeaderValue::from_static(text)));
            let checked = OpenAi.check_headers(&header.into_iter().collect());
            assert_eq!(checked.map_err(|refusal| refusal.status), if accepted { Ok(()) } else { Err(401) });
        };
        check(None, true);
        check(Some("Bearer any"), true);
        check(Some("Bearer "), false);
        check(Some("Basic any"), false);
        check(Some(""), false);
    }
}
