//! The API's errors, in HTTP answers and in streams.

use agent_core::{Json, LlmError, LlmErrorKind};
use serde_json::Value;

/// What an error body says, as far as it is the API's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) error_type: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl ApiError {
    /// Reads `{"type":"error","error":{"type":…,"message":…},"request_id":…}`. Gateways write it in
    /// many ways, so whatever is there is taken and nothing is required.
    pub(crate) fn read(body: &str) -> Self {
        let body = Json::read(body).ok().and_then(|body| body.parse::<Value>().ok());
        let Some(body) = body else { return Self::default() };
        let text = |places: &[&str]| {
            places.iter().find_map(|place| body.pointer(place)?.as_str().map(str::to_owned))
        };
        Self {
            error_type: text(&["/error/type"]),
            error_code: text(&["/error/details/error_code"]),
            message: text(&["/error/message", "/error", "/message"]),
            request_id: text(&["/request_id"]),
        }
    }

    /// The error of a stream's `error` event.
    pub(crate) fn in_stream(self) -> LlmError {
        let message = self.message.unwrap_or_else(|| "an error event without a message".to_owned());
        let kind = kind(None, self.error_type.as_deref());
        let mut error = LlmError::new(kind, message);
        (error.error_type, error.error_code) = (self.error_type, self.error_code);
        error.request_id = self.request_id;
        error
    }
}

/// The kind of failure. A status of the caller's making (4xx) says enough by itself; else the API's
/// type is more precise.
pub(crate) fn kind(status: Option<u16>, error_type: Option<&str>) -> LlmErrorKind {
    use LlmErrorKind::*;
    match status {
        Some(401) => Authentication,
        Some(402) => Billing,
        Some(403) => Permission,
        Some(404) => NotFound,
        Some(408 | 409) => Server,
        Some(429) => RateLimit,
        Some(529) => Overloaded,
        Some(300..=399) => Configuration,
        Some(400..=499) => InvalidRequest,
        _ => match error_type {
            Some("invalid_request_error" | "request_too_large") => InvalidRequest,
            Some("authentication_error") => Authentication,
            Some("billing_error") => Billing,
            Some("permission_error") => Permission,
            Some("not_found_error") => NotFound,
            Some("rate_limit_error") => RateLimit,
            Some("overloaded_error") => Overloaded,
            Some("timeout_error") => Timeout,
            _ => Server,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_the_statuss_or_the_types() {
        use LlmErrorKind::*;
        for (status, error_type, expected) in [
            (Some(400), Some("invalid_request_error"), InvalidRequest),
            (Some(400), Some("overloaded_error"), InvalidRequest),
            (Some(401), None, Authentication),
            (Some(402), Some("billing_error"), Billing),
            (Some(403), Some("permission_error"), Permission),
            (Some(404), Some("not_found_error"), NotFound),
            (Some(408), None, Server),
            (Some(409), Some("conflict_error"), Server),
            (Some(413), None, InvalidRequest),
            (Some(422), None, InvalidRequest),
            (Some(429), Some("rate_limit_error"), RateLimit),
            (Some(500), Some("api_error"), Server),
            (Some(500), Some("overloaded_error"), Overloaded),
            (Some(502), None, Server),
            (Some(504), Some("timeout_error"), Timeout),
            (Some(529), Some("overloaded_error"), Overloaded),
            (Some(307), None, Configuration),
            (None, Some("overloaded_error"), Overloaded),
            (None, Some("rate_limit_error"), RateLimit),
            (None, Some("invalid_request_error"), InvalidRequest),
            (None, Some("new_error"), Server),
        ] {
            assert_eq!(kind(status, error_type), expected, "{status:?} {error_type:?}");
        }
    }

    #[test]
    fn an_error_body_is_read_in_whatever_shape_it_has() {
        let check = |body: &str, error_type: Option<&str>, message: Option<&str>, id: Option<&str>| {
            let expected = ApiError {
                error_type: error_type.map(str::to_owned),
                error_code: body.contains("details").then(|| "c".to_owned()),
                message: message.map(str::to_owned),
                request_id: id.map(str::to_owned),
            };
            assert_eq!(ApiError::read(body), expected, "{body}");
        };
        let body = r#"{"type":"error","error":{"type":"t","message":"m","details":{"error_code":"c"}},"request_id":"r"}"#;
        check(body, Some("t"), Some("m"), Some("r"));
        check(r#"{"error":"m"}"#, None, Some("m"), None);
        check(r#"{"message":"m","error":{"code":1}}"#, None, Some("m"), None);
        check("<html>", None, None, None);
        check("[]", None, None, None);
    }
}
