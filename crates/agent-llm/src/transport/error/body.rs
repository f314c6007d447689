//! What an API, or a gateway in front of it, writes in the place of a reply when it fails.

use std::time::Duration;

use agent_core::{Json, LlmError, model::LlmErrorKind};
use serde_json::Value;

use super::kind::{kind, named};
use crate::transport::rate_limit::duration;

/// The most bytes of a message that are kept before secrets are taken out of it. Later its end is
/// cut off again by as many bytes as the longest secret has: a part of one may stand there.
pub(crate) const LONGEST_MESSAGE: usize = 64 * 1024;

/// The fields of an error body, as far as they were found. Each server writes errors in its own
/// way, so nothing is required, and each field is looked for in all places where servers put it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub(crate) error_type: Option<String>,
    pub(crate) error_code: Option<String>,
    /// The HTTP status that the body names. A gateway whose answer has already begun can't say it
    /// any other way.
    pub(crate) status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    /// How long to wait, as Google's servers say it.
    pub(crate) retry_after: Option<Duration>,
}

impl ErrorBody {
    /// Reads a body that is an error, as in
    /// `{"type":"error","error":{"type":…,"message":…},"request_id":…}`.
    pub(crate) fn read(body: &str) -> Self {
        value(body).map(|said| Self::of(&said)).unwrap_or_default()
    }

    /// Reads a body that should be a reply, or a part of one. `None` if it is no error.
    pub(crate) fn found(body: &str) -> Option<Self> {
        value(body).map(of_choice).filter(is_error).map(|said| Self::of(&said))
    }

    fn of(said: &Value) -> Self {
        let named = TYPES.iter().filter_map(|place| text(said, &[place])).find(|name| name != "error");
        let broken_rule = said.pointer("/detail/0/loc").map(|_| "validation_error".to_owned());
        Self {
            error_type: named.or(broken_rule),
            error_code: text(said, &["/error/details/error_code", "/error/code", "/code"]),
            status: STATUSES.iter().find_map(|place| status(said.pointer(place)?)),
            message: broken_rules(said).or_else(|| text(said, &MESSAGES)).or_else(|| words(said)),
            request_id: text(said, &["/request_id"]),
            retry_after: retry_after(said),
        }
    }

    /// The error that an event of a stream says. Its data may be plain text.
    pub(crate) fn in_event(data: &str) -> LlmError {
        let said = Self::read(data);
        let message = said.message.clone().unwrap_or_else(|| match data.trim() {
            "" | "{}" | "null" => "an error event without a message".to_owned(),
            data => excerpt(data).to_owned(),
        });
        said.in_reply(message)
    }

    /// The error with this message, of an answer whose HTTP status said that all is well.
    pub(crate) fn in_reply(self, message: String) -> LlmError {
        let names = [&self.error_type, &self.error_code];
        let by_name = names.into_iter().flatten().find_map(|name| named(name));
        let by_status = || self.status.map(|status| kind(Some(status), None));
        let kind = by_name.or_else(by_status).unwrap_or(LlmErrorKind::Server);
        let mut error = LlmError::new(kind, message);
        (error.error_type, error.error_code) = (self.error_type, self.error_code);
        error.request_id = self.request_id;
        error
    }
}

/// The beginning of a text, at most [`LONGEST_MESSAGE`] bytes of it.
pub(crate) fn excerpt(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Where servers put the name of an error.
const TYPES: [&str; 6] =
    ["/error/error/type", "/error/type", "/error/status", "/type", "/error_type", "/__type"];

/// Where servers put the message, if it is in one place.
const MESSAGES: [&str; 9] = [
    "/error/message",
    "/error/error/message",
    "/error/detail",
    "/error/error",
    "/detail/message",
    "/detail/error",
    "/detail/0/msg",
    "/errors/0/message",
    "/errors/0",
];

/// Where gateways put an HTTP status.
const STATUSES: [&str; 7] =
    ["/error/code", "/error/status", "/error/status_code", "/code", "/status", "/status_code", "/statusCode"];

/// The body as JSON. Of a list it is the first item, since some servers stream a list. Half a
/// character (a lone surrogate) is replaced.
fn value(body: &str) -> Option<Value> {
    match Json::read(body).ok()?.parse::<Value>().ok()? {
        Value::Array(list) => list.into_iter().next(),
        value => Some(value),
    }
}

/// The choice of a reply of chat completions that is an error, as OpenRouter has it, in the place
/// of the reply.
fn of_choice(mut said: Value) -> Value {
    match said.pointer_mut("/choices/0") {
        Some(choice) if choice.get("error").is_some_and(Value::is_object) => choice.take(),
        _ => said,
    }
}

/// Whether it is an error, and not a reply or a part of one. Some fields that errors have stand in
/// events too: the `detail` of an event with a `type` may be anything.
fn is_error(said: &Value) -> bool {
    let says = |name: &str| said.get(name).is_some_and(says_something);
    let is = |name: &str, word: &str| said.get(name).and_then(Value::as_str) == Some(word);
    let is_typed = said.get("type").is_some_and(Value::is_string);
    let has_message = said.get("message").is_some_and(Value::is_string);
    let is_status = ["status", "code"].iter().any(|name| said.get(name).and_then(status).is_some());
    // As RFC 9457 has it: the type is a URI, which no event's is.
    let is_problem = is_typed && is_status && text(said, &["/type"]).is_some_and(|own| own.contains(':'));
    is("type", "error")
        || is("object", "error")
        || says("error")
        || is_problem
        || (says("detail") && !is_typed)
        || (said.pointer("/errors/0").is_some() && !is_typed)
        || (has_message && (!is_typed || says("code")))
}

/// Whether a field holds something. Some servers write `"error": null` into a good reply.
fn says_something(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("")
}

fn text(said: &Value, places: &[&str]) -> Option<String> {
    let mut texts = places.iter().filter_map(|place| said.pointer(place)?.as_str());
    texts.find(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// A list of fields that are wrong and why, as pydantic has it.
fn broken_rules(said: &Value) -> Option<String> {
    const MOST: usize = 5;
    let list = ["/detail", "/message/detail"].iter().find_map(|place| said.pointer(place)?.as_array())?;
    let rule = |rule: &Value| {
        let message = text(rule, &["/msg"])?;
        let place = rule.get("loc")?.as_array()?.iter();
        let place: Vec<String> =
            place.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
        Some(format!("{}: {message}", place.join(".")))
    };
    let rules: Vec<String> = list.iter().filter_map(rule).take(MOST).collect();
    (!rules.is_empty()).then(|| rules.join("; "))
}

fn retry_after(said: &Value) -> Option<Duration> {
    let details = said.pointer("/error/details")?.as_array()?;
    details.iter().find_map(|detail| duration(detail.get("retryDelay")?.as_str()?))
}

/// The messages of several fields of the top level, joined.
fn words(said: &Value) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for place in ["", "/title", "/error", "/message", "/detail", "/error_description"] {
        all.extend(text(said, &[place]).filter(|text| !all.contains(text)));
    }
    (!all.is_empty()).then(|| all.join(": "))
}

/// The HTTP status of an error, as a number or as text.
fn status(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_is_read_in_whatever_shape_it_has() {
        let check = |body: &str, error_type: Option<&str>, message: Option<&str>, id: Option<&str>| {
            let expected = ErrorBody {
                error_type: error_type.map(str::to_owned),
                error_code: body.contains("details").then(|| "c".to_owned()),
                status: None,
                message: message.map(str::to_owned),
                request_id: id.map(str::to_owned),
                retry_after: None,
            };
            assert_eq!(ErrorBody::read(body), expected, "{body}");
        };
        let body = r#"{"type":"error","error":{"type":"t","message":"m","details":{"error_code":"c"}},"request_id":"r"}"#;
        check(body, Some("t"), Some("m"), Some("r"));
        check(r#"{"error":"m"}"#, None, Some("m"), None);
        check(r#"{"message":"m","error":{"code":1}}"#, None, Some("m"), None);
        check(r#"{"error":{"code":7,"message":null}}"#, None, None, None);
        check("<html>", None, None, None);
        check("[]", None, None, None);
        check("{}", None, None, None);
    }

    fn said(kind: LlmErrorKind, message: &str) -> (LlmErrorKind, String) {
        (kind, message.to_owned())
    }

    #[test]
    fn field_58_the_words_of_an_error_are_found_and_its_kind_is_told_whatever_its_shape() {
        use LlmErrorKind::*;
        let check = |body: &str, kind: LlmErrorKind, message: &str| {
            let found = ErrorBody::found(body).map(|error| {
                let message = error.message.clone().unwrap_or_default();
                error.in_reply(message)
            });
            assert_eq!(
                found.map(|error| (error.kind, error.message.clone())),
                Some(said(kind, message)),
                "{body}"
            );
        };
        check(r#"{"code":500,"message":"m","type":"server_error"}"#, Server, "m");
        check(
            r#"{"error":{"code":400,"message":"m","type":"exceed_context_size_error"}}"#,
            InvalidRequest,
            "m",
        );
        check(r#"{"error":{"code":400,"message":"m"}}"#, InvalidRequest, "m");
        check(r#"{"error":{"code":"429","message":"m","type":"None"}}"#, RateLimit, "m");
        check(r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#, RateLimit, "m");
        check(r#"[{"error":{"code":503,"message":"m"}}]"#, Server, "m");
        check(
            r#"{"error":{"code":"context_length_exceeded","message":"m","type":null}}"#,
            InvalidRequest,
            "m",
        );
        check(r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#, InvalidRequest, "m");
        check(r#"{"error":{"message":"m","type":"invalid_request_error","code":500}}"#, InvalidRequest, "m");
        check(r#"{"error":"m"}"#, Server, "m");
        check(r#"{"error":"Bad Request","message":"m","statusCode":400}"#, InvalidRequest, "Bad Request: m");
        check(r#"{"detail":"m"}"#, Server, "m");
        check(r#"{"detail":[{"loc":["body","tools",0],"msg":"m"}]}"#, InvalidRequest, "body.tools.0: m");
        let rules = r#"{"object":"error","type":"invalid_request_error","message":{"detail":[{"loc":["a"],"msg":"m"},{"loc":["b"],"msg":"n"}]}}"#;
        check(rules, InvalidRequest, "a: m; b: n");
        check(r#"{"message":"m"}"#, Server, "m");
        check(r#"{"error":true}"#, Server, "");
        check(
            r#"{"choices":[{"finish_reason":"error","error":{"code":429,"message":"m"}}]}"#,
            RateLimit,
            "m",
        );
    }

    #[test]
    fn what_is_no_error_is_not_taken_for_one() {
        for body in [
            r#"{"type":"message","content":[],"error":null}"#,
            r#"{"type":"progress","detail":"half of it"}"#,
            r#"{"type":"progress","message":"half of it"}"#,
            r#"{"error":"","detail":null}"#,
            r#"{"message":{}}"#,
            "{}",
            "[]",
            "7",
            "no JSON",
        ] {
            assert_eq!(ErrorBody::found(body), None, "{body}");
        }
    }
}
