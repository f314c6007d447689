//! From an HTTP status, or from a server's name of an error, to the kind of failure.

use agent_core::model::LlmErrorKind;

/// The kind of failure. A status that blames the request (4xx) decides alone. Of any other, the
/// name that the server gives the error is more precise.
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
        _ => error_type.and_then(named).unwrap_or(Server),
    }
}

/// The kind of an error with this name, if the name is known. It knows the names of Anthropic's API
/// and of other servers (llama.cpp, vLLM, gateways), in any spelling: `invalid_request_error`,
/// `BadRequestError`.
pub(super) fn named(name: &str) -> Option<LlmErrorKind> {
    use LlmErrorKind::*;
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    let stem = ["error", "exception"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    Some(match stem {
        "invalidrequest" | "badrequest" | "invalidargument" | "validation" | "unprocessableentity" => {
            InvalidRequest
        }
        "requesttoolarge" | "exceedcontextsize" | "contextlengthexceeded" | "notsupported" => InvalidRequest,
        "contextwindowexceeded" | "contentpolicyviolation" => InvalidRequest,
        "authentication" | "unauthorized" | "unauthenticated" | "invalidapikey" => Authentication,
        "billing" | "paymentrequired" | "insufficientquota" => Billing,
        "permission" | "permissiondenied" | "forbidden" | "accessdenied" => Permission,
        "notfound" | "modelnotfound" => NotFound,
        "ratelimit" | "ratelimited" | "ratelimitexceeded" | "toomanyrequests" | "throttling"
        | "resourceexhausted" => RateLimit,
        "overloaded" => Overloaded,
        "timeout" | "gatewaytimeout" | "deadlineexceeded" => Timeout,
        "api" | "server" | "internal" | "internalserver" | "unavailable" => Server,
        _ => return None,
    })
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
            (None, Some("BadRequestError"), InvalidRequest),
            (Some(500), Some("invalid_request_error"), InvalidRequest),
        ] {
            assert_eq!(kind(status, error_type), expected, "{status:?} {error_type:?}");
        }
    }
}
