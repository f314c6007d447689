//! The errors of the API and of its gateways, in HTTP answers and in streams.

use agent_core::{Json, LlmError, model::LlmErrorKind};
use serde_json::Value;

use super::error_kind::{kind, named};

/// The most bytes that an error has before secrets are taken out of it. Of the rest, as much is left out then as a secret
/// may have that ends behind it.
pub(crate) const LONGEST: usize = 64 * 1024;

/// What an error says, as far as it can be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) error_type: Option<String>,
    pub(crate) error_code: Option<String>,
    /// The HTTP status that it names itself, as gateways do whose answer has begun.
    pub(crate) status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl ApiError {
    /// Reads `{"type":"error","error":{"type":…,"message":…},"request_id":…}`. Gateways write it in
    /// many ways, so whatever is there is taken and nothing is required.
    pub(crate) fn read(body: &str) -> Self {
        value(body).map(|said| Self::of(&said)).unwrap_or_default()
    }

    /// The same of what should be a reply or a part of one, if it is an error instead.
    pub(crate) fn found(body: &str) -> Option<Self> {
        value(body).filter(is_error).map(|said| Self::of(&said))
    }

    fn of(said: &Value) -> Self {
        let named = TYPES.iter().filter_map(|place| text(said, &[place])).find(|name| name != "error");
        // A list of fields that are wrong, as pydantic has it.
        let broken_rule = said.pointer("/detail/0/loc").map(|_| "validation_error".to_owned());
        Self {
            error_type: named.or(broken_rule),
            error_code: text(said, &["/error/details/error_code", "/error/code", "/code"]),
            status: STATUSES.iter().find_map(|place| status(said.pointer(place)?)),
            message: text(said, &MESSAGES).or_else(|| words(said)),
            request_id: text(said, &["/request_id"]),
        }
    }

    /// The error that an event of this data is, which may be plain text.
    pub(crate) fn in_event(data: &str) -> LlmError {
        let said = Self::read(data);
        let message = said.message.clone().unwrap_or_else(|| match data.trim() {
            "" | "{}" | "null" => "an error event without a message".to_owned(),
            data => excerpt(data).to_owned(),
        });
        said.in_reply(message)
    }

    /// The error in the place of a reply or of a part of one.
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

/// So much of a text as an error has at first.
pub(crate) fn excerpt(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Where an error may have a name.
const TYPES: [&str; 6] =
    ["/error/error/type", "/error/type", "/error/status", "/type", "/error_type", "/__type"];

/// Where an error may stand that says it in one place.
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

/// Where a gateway's error may have a status.
const STATUSES: [&str; 7] =
    ["/error/code", "/error/status", "/error/status_code", "/code", "/status", "/status_code", "/statusCode"];

/// The JSON, of a list its first item: some servers stream one. Half a character does not cost the error.
fn value(body: &str) -> Option<Value> {
    match Json::read(body).ok()?.parse::<Value>().ok()? {
        Value::Array(list) => list.into_iter().next(),
        value => Some(value),
    }
}

/// Whether it is an error, and no reply and nothing of one. What may stand in the place of an error must
/// not: a `detail` of a typed event may be anything.
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

/// Some write `"error": null` into what is none.
fn says_something(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("")
}

fn text(said: &Value, places: &[&str]) -> Option<String> {
    let mut texts = places.iter().filter_map(|place| said.pointer(place)?.as_str());
    texts.find(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// What is said in several places of the top level, in one.
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
            let expected = ApiError {
                error_type: error_type.map(str::to_owned),
                error_code: body.contains("details").then(|| "c".to_owned()),
                status: None,
                message: message.map(str::to_owned),
                request_id: id.map(str::to_owned),
            };
            assert_eq!(ApiError::read(body), expected, "{body}");
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
            let found = ApiError::found(body).map(|error| {
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
        check(r#"{"detail":[{"loc":["body"],"msg":"m","type":"missing"}]}"#, InvalidRequest, "m");
        check(r#"{"message":"m"}"#, Server, "m");
        check(r#"{"error":true}"#, Server, "");
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
            assert_eq!(ApiError::found(body), None, "{body}");
        }
    }
}
