//! From an HTTP answer that is no reply to a typed error.

mod body;
mod kind;

use std::time::{Duration, SystemTime};

use agent_core::{
    LlmError,
    model::{LlmErrorDetails, LlmErrorKind},
};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER},
};

use super::{headers::text, rate_limit::duration, sse::Decoder};

pub(crate) use body::{ErrorBody, LONGEST_MESSAGE, excerpt};
use kind::kind;

/// What a streamed reply comes as.
pub(crate) const STREAM: &str = "text/event-stream";

/// The most characters of a body that an error quotes.
const EXCERPT: usize = 300;
/// The most characters of the API's own message that an error keeps.
const MESSAGE: usize = 2_000;

/// An HTTP answer that is no reply. Its headers and its body must hold no secret any more, since an
/// error may quote half of one, which nobody would find afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// The API's id of the request.
    pub(crate) request_id: Option<&'a str>,
    pub(crate) body: &'a str,
}

impl Failed<'_> {
    /// The error of an answer whose status is no success.
    pub(crate) fn by_status(&self, now: SystemTime) -> LlmError {
        let said = ErrorBody::read(self.body);
        let message = match said.message {
            Some(message) => cut(&message, MESSAGE),
            None if self.status.is_redirection() => redirected(self.headers),
            None => self.quoted(),
        };
        let status = self.status.as_u16();
        let mut error = LlmError::new(kind(Some(status), said.error_type.as_deref()), message);
        (error.error_type, error.error_code) = (said.error_type, said.error_code);
        error.status = Some(status);
        error.request_id = self.request_id.map(str::to_owned).or(said.request_id);
        error.retry_after = retry_after(self.headers, now).or(said.retry_after);
        error.should_retry = text(self.headers, "x-should-retry").and_then(|word| word.parse().ok());
        error
    }

    /// The error of an answer that can't be read, though its status is a success. If its body says
    /// an error, it is that error. `expected` says what the answer should have been.
    pub(crate) fn instead_of(&self, expected: &str) -> LlmError {
        let said = ErrorBody::found(self.body).map(|said| {
            let message = said.message.clone().unwrap_or_else(|| self.quoted());
            said.in_reply(message)
        });
        let mut error = said.or_else(|| self.in_events()).unwrap_or_else(|| {
            let advice = self.advice(expected);
            let message = format!("expected {expected}, got {}{advice}", self.quoted());
            LlmError::new(LlmErrorKind::Malformed, message)
        });
        error.message = cut(&error.message, MESSAGE);
        error.status = Some(self.status.as_u16());
        error.request_id = self.request_id.map(str::to_owned).or(error.request_id.take());
        error
    }

    /// What to do about an answer of another kind.
    fn advice(&self, expected: &str) -> &'static str {
        let is_json = text(self.headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
        match expected == STREAM && is_json {
            true => "; if the server does not stream, call the builder's `streaming(false)`",
            false => "",
        }
    }

    /// The error that a stream says which nobody asked for.
    fn in_events(&self) -> Option<LlmError> {
        let kind = text(self.headers, CONTENT_TYPE.as_str())?;
        if !kind.to_ascii_lowercase().contains("event-stream") {
            return None;
        }
        let mut events = Decoder::default();
        events.push(self.body.as_bytes()).ok()?;
        while let Some(event) = events.next_event() {
            if event.name == "error" || ErrorBody::found(&event.data).is_some() {
                return Some(ErrorBody::in_event(&event.data));
            }
        }
        None
    }

    /// What a proxy, or some other server, said. In short.
    fn quoted(&self) -> String {
        let kind = cut(text(self.headers, CONTENT_TYPE.as_str()).unwrap_or("no content type"), EXCERPT);
        // Each word has at least one character, so these are enough.
        let words: Vec<&str> = self.body.split_whitespace().take(EXCERPT + 1).collect();
        match words.is_empty() {
            true => format!("an empty body ({kind})"),
            false => format!("{kind}: {}", cut(&words.join(" "), EXCERPT)),
        }
    }
}

/// The error of a server that does not know what it was asked, with the address, since that is often
/// wrong, and an example of a base URL. A server that speaks the API names its errors.
pub(crate) fn with_address(mut error: LlmError, address: &str, example: &str) -> LlmError {
    let is_named = error.error_type.is_some() || error.error_code.is_some();
    if matches!(error.status, Some(404 | 405)) && !is_named {
        let said = error.message.trim_end_matches('.');
        error.message = format!("{said}; it was asked at {address}: a base URL looks like {example}");
    }
    error
}

/// Cuts the texts of an error to a length that a person reads. They must hold no secret any more.
pub(crate) fn shortened(mut error: LlmError) -> LlmError {
    error.message = cut(&error.message, MESSAGE);
    names(&mut error).for_each(|name| *name = cut(name, EXCERPT));
    error
}

/// The texts of an error, besides its message, that a server wrote.
pub(crate) fn names(error: &mut LlmErrorDetails) -> impl Iterator<Item = &mut String> {
    error.error_type.iter_mut().chain(&mut error.error_code).chain(&mut error.request_id)
}

/// How long the server asks to wait. It may say milliseconds, seconds, a date or a duration as Go
/// writes it; the first of these counts.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let number = |name: &str, unit: f64| {
        let count: f64 = text(headers, name)?.trim().parse().ok()?;
        Duration::try_from_secs_f64(count * unit).ok()
    };
    let date =
        || httpdate::parse_http_date(text(headers, RETRY_AFTER.as_str())?).ok()?.duration_since(now).ok();
    let as_in_go = || duration(text(headers, RETRY_AFTER.as_str())?.trim());
    let seconds = || number(RETRY_AFTER.as_str(), 1.0).or_else(date).or_else(as_in_go);
    let wait = number("retry-after-ms", 0.001).or_else(seconds);
    wait.filter(|wait| !wait.is_zero())
}

fn redirected(headers: &HeaderMap) -> String {
    let to = text(headers, LOCATION.as_str()).unwrap_or("another place");
    format!(
        "it redirects to {}, and the key is not sent there; if that address is right, set the base URL to it",
        cut(to, EXCERPT)
    )
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
        let status = StatusCode::from_u16(status).unwrap();
        Failed { status, headers: &headers(given), request_id: None, body }.by_status(now)
    }

    fn unread(expected: &str, given: &[(&'static str, &'static str)], body: &str) -> LlmError {
        Failed { status: StatusCode::OK, headers: &headers(given), request_id: None, body }
            .instead_of(expected)
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
        check(&[("retry-after", "1m30s")], Some(90_000));
        check(&[("retry-after", "Sun, 08 Nov 2026 12:00:00 GMT")], Some(3_600_000));
        check(&[("retry-after", "Sun, 08 Nov 2026 10:00:00 GMT")], None);
        for nonsense in ["0", "-1", "soon", "NaN", "inf", "1e300"] {
            check(&[("retry-after", nonsense)], None);
        }
        check(&[], None);
    }

    #[test]
    fn a_wait_may_stand_in_the_body() {
        // As Google's servers say it.
        let info = r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}"#;
        let body = format!(r#"[{{"error":{{"code":429,"message":"m","details":[{{}},{info}]}}}}]"#);
        assert_eq!(refused(429, &[], &body).retry_after(), Some(Duration::from_millis(34_500)));
        let error = refused(429, &[("retry-after", "7")], &body);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
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
        let error = unread("text/event-stream", &[("content-type", "text/html")], page);
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
        assert_eq!(unread("application/json", &[], body).kind, LlmErrorKind::Overloaded);
    }

    #[test]
    fn an_error_in_a_stream_that_nobody_asked_for_is_found() {
        let check = |events: &str, kind: LlmErrorKind, message: &str| {
            let error = unread("a message", &[("content-type", "text/event-stream")], events);
            assert_eq!((error.kind, error.message.as_str()), (kind, message), "{events}");
        };
        let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        check(&format!("data: {{}}\n\ndata: {overloaded}\n\n"), LlmErrorKind::Overloaded, "Overloaded");
        check("event: error\ndata: down\n\n", LlmErrorKind::Server, "down");
        let stream = "expected a message, got text/event-stream: data: {}";
        check("data: {}\n\n", LlmErrorKind::Malformed, stream);
    }

    #[test]
    fn a_redirect_says_where_to() {
        let error = refused(307, &[("location", "https://elsewhere/v1/messages")], "");
        insta::assert_snapshot!(error, @"the model backend is not set up: it redirects to https://elsewhere/v1/messages, and the key is not sent there; if that address is right, set the base URL to it (status 307)");
    }
}
