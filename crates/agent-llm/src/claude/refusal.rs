//! From an HTTP answer that is no reply to a typed error.

use std::time::{Duration, SystemTime};

use agent_core::{
    LlmError,
    model::{LlmErrorDetails, LlmErrorKind},
};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER},
};

use super::{
    stream_parser::StreamParser,
    wire::{ApiError, kind},
};

/// The most characters of a body that an error quotes.
const EXCERPT: usize = 300;
/// The most characters of the API's own message that an error keeps.
const MESSAGE: usize = 2_000;

/// Leaves of an error what a person reads. It must hold no key, since it may be cut.
pub(crate) fn shortened(mut error: LlmError) -> LlmError {
    error.message = cut(&error.message, MESSAGE);
    names(&mut error).for_each(|name| *name = cut(name, EXCERPT));
    error
}

/// What an error says beside its message, in the server's words.
pub(crate) fn names(error: &mut LlmErrorDetails) -> impl Iterator<Item = &mut String> {
    error.error_type.iter_mut().chain(&mut error.error_code).chain(&mut error.request_id)
}

/// The error of an answer whose status is no success. `body` must hold no key, since it may be cut.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &str, now: SystemTime) -> LlmError {
    let said = ApiError::read(body);
    let message = match said.message {
        Some(message) => cut(&message, MESSAGE),
        None if status.is_redirection() => redirected(headers),
        None => foreign(headers, body),
    };
    let mut error = LlmError::new(kind(Some(status.as_u16()), said.error_type.as_deref()), message);
    (error.error_type, error.error_code) = (said.error_type, said.error_code);
    error.status = Some(status.as_u16());
    error.request_id = request_id(headers).or(said.request_id);
    error.retry_after = retry_after(headers, now);
    error.should_retry = text(headers, "x-should-retry").and_then(|word| word.parse().ok());
    error
}

/// The error of an answer that says it is a reply but is no JSON, or no stream. If it says an error, that is it.
pub(crate) fn not_a_reply(expected: &str, status: StatusCode, headers: &HeaderMap, body: &str) -> LlmError {
    let said = ApiError::found(body).map(|said| {
        let message = said.message.clone().unwrap_or_else(|| foreign(headers, body));
        said.in_reply(message)
    });
    let mut error = said.or_else(|| in_events(headers, body)).unwrap_or_else(|| {
        let message = format!("expected {expected}, got {}", foreign(headers, body));
        LlmError::new(LlmErrorKind::Malformed, message)
    });
    error.message = cut(&error.message, MESSAGE);
    error.status = Some(status.as_u16());
    error.request_id = request_id(headers).or(error.request_id.take());
    error
}

/// The error that a stream says which was not asked for.
fn in_events(headers: &HeaderMap, body: &str) -> Option<LlmError> {
    let kind = text(headers, CONTENT_TYPE.as_str())?;
    if !kind.to_ascii_lowercase().contains("event-stream") {
        return None;
    }
    let mut parser = StreamParser::default();
    parser.push(body.as_bytes()).ok()?;
    let said = std::iter::from_fn(|| parser.pull().transpose()).find_map(Result::err);
    said.filter(|error| error.kind != LlmErrorKind::Malformed)
}

/// The API's id of the request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    text(headers, "request-id").map(str::to_owned)
}

/// Whether the answer says it is of this kind; one that says nothing may be.
pub(crate) fn is(headers: &HeaderMap, kind: &str) -> bool {
    text(headers, CONTENT_TYPE.as_str()).is_none_or(|given| given.to_ascii_lowercase().contains(kind))
}

/// How long the server asks to wait: milliseconds, seconds or a date, in this order.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let number = |name: &str, unit: f64| {
        let count: f64 = text(headers, name)?.trim().parse().ok()?;
        Duration::try_from_secs_f64(count * unit).ok()
    };
    let date =
        || httpdate::parse_http_date(text(headers, RETRY_AFTER.as_str())?).ok()?.duration_since(now).ok();
    let wait = number("retry-after-ms", 0.001).or_else(|| number(RETRY_AFTER.as_str(), 1.0)).or_else(date);
    wait.filter(|wait| !wait.is_zero())
}

/// What a proxy or some other server said, in short.
fn foreign(headers: &HeaderMap, body: &str) -> String {
    let kind = cut(text(headers, CONTENT_TYPE.as_str()).unwrap_or("no content type"), EXCERPT);
    // Each has a letter at least.
    let words: Vec<&str> = body.split_whitespace().take(EXCERPT + 1).collect();
    match words.is_empty() {
        true => format!("an empty body ({kind})"),
        false => format!("{kind}: {}", cut(&words.join(" "), EXCERPT)),
    }
}

fn redirected(headers: &HeaderMap) -> String {
    let to = text(headers, LOCATION.as_str()).unwrap_or("another place");
    format!(
        "it redirects to {}, where the key is not sent; set the base URL to it if it is right",
        cut(to, EXCERPT)
    )
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        given
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn refused(status: u16, given: &[(&'static str, &'static str)], body: &str) -> LlmError {
        // An hour before the date in the tests.
        let now = httpdate::parse_http_date("Sun, 08 Nov 2026 11:00:00 GMT").unwrap();
        refusal(StatusCode::from_u16(status).unwrap(), &headers(given), body, now)
    }

    #[test]
    fn retry_after_comes_in_milliseconds_seconds_or_as_a_date() {
        let check = |given: &[(&'static str, &'static str)], milliseconds: Option<u64>| {
            let error = refused(429, given, "");
            assert_eq!(error.retry_after(), milliseconds.map(Duration::from_millis), "{given:?}");
        };
        check(&[("retry-after-ms", "1500"), ("retry-after", "7")], Some(1_500));
        check(&[("retry-after-ms", "12.0")], Some(12));
        check(&[("retry-after-ms", "none"), ("retry-after", "7")], Some(7_000));
        check(&[("retry-after", "2")], Some(2_000));
        check(&[("retry-after", "0.25")], Some(250));
        check(&[("retry-after", "Sun, 08 Nov 2026 12:00:00 GMT")], Some(3_600_000));
        check(&[("retry-after", "Sun, 08 Nov 2026 10:00:00 GMT")], None);
        for nonsense in ["0", "-1", "soon", "NaN", "inf", "1e300"] {
            check(&[("retry-after", nonsense)], None);
        }
        check(&[], None);
    }

    #[test]
    fn what_the_server_says_about_retrying_wins() {
        let retryable = |status, word| refused(status, &[("x-should-retry", word)], "").is_retryable();
        assert!(!retryable(529, "false"));
        assert!(retryable(404, "true"));
        assert!(retryable(529, "perhaps"));
    }

    #[test]
    fn fault_37_html_from_a_proxy() {
        let page = "<html>\n  <body>Bad\tGateway</body>\n</html>";
        let error = refused(502, &[("content-type", "text/html")], page);
        assert_eq!((error.kind, error.status), (LlmErrorKind::Server, Some(502)));
        insta::assert_snapshot!(error, @"the model's server failed: text/html: <html> <body>Bad Gateway</body> </html> (status 502)");
        let ok = StatusCode::OK;
        let error = not_a_reply("text/event-stream", ok, &headers(&[("content-type", "text/html")]), page);
        insta::assert_snapshot!(error, @"the reply can't be read: expected text/event-stream, got text/html: <html> <body>Bad Gateway</body> </html> (status 200)");
        insta::assert_snapshot!(refused(503, &[], ""), @"the model's server failed: an empty body (no content type) (status 503)");
    }

    #[test]
    fn a_body_and_its_kind_are_quoted_only_so_far() {
        let message = |body: &str| refused(500, &[], body).message.chars().count();
        assert!(message(&"é ".repeat(100_000)) < EXCERPT + 50);
        let json = format!(r#"{{"error":{{"message":"{}"}}}}"#, "m".repeat(60_000));
        assert_eq!(message(&json), MESSAGE + 1);
        let long: &'static str = "k".repeat(60_000).leak();
        assert_eq!(refused(500, &[("content-type", long)], "x").message.len(), EXCERPT + "…: x".len());
    }

    #[test]
    fn an_error_in_a_reply_of_status_200_is_the_apis() {
        let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let error = not_a_reply("application/json", StatusCode::OK, &headers(&[]), body);
        assert_eq!(error.kind, LlmErrorKind::Overloaded);
    }

    #[test]
    fn a_redirect_says_where_to() {
        let error = refused(307, &[("location", "https://elsewhere/v1/messages")], "");
        insta::assert_snapshot!(error, @"the model backend is not set up: it redirects to https://elsewhere/v1/messages, where the key is not sent; set the base URL to it if it is right (status 307)");
    }
}
