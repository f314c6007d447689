//! What an error of OpenAI's APIs means.

use agent_core::{
    LlmError,
    model::LlmErrorKind::{
        self, Authentication, Billing, InvalidRequest, NotFound, Overloaded, RateLimit, Server, Timeout,
    },
};

/// The error with the kind that its code says. The status alone does not tell: there is no money
/// (429, `insufficient_quota`) is not the same as to be too fast (429, `rate_limit_exceeded`),
/// which passes. Source: <https://platform.openai.com/docs/guides/error-codes>.
pub(super) fn by_code(mut error: LlmError) -> LlmError {
    let names = [&error.error_code, &error.error_type];
    let kind = names.into_iter().flatten().find_map(|name| kind(name));
    if let Some(kind) = kind {
        error.kind = kind;
    }
    // As many tokens as no minute has: they will be too many again.
    if error.kind == RateLimit && error.message.starts_with("Request too large") {
        error.kind = InvalidRequest;
        error.should_retry = Some(false);
    }
    // Where it is the server's wish, it is said by the status.
    if matches!(error.kind, Billing | InvalidRequest) {
        error.should_retry = error.should_retry.map(|_| false);
    }
    error
}

fn kind(name: &str) -> Option<LlmErrorKind> {
    Some(match name {
        "insufficient_quota" | "billing_hard_limit_reached" | "billing_not_active" => Billing,
        "invalid_api_key" | "account_deactivated" => Authentication,
        "model_not_found" => NotFound,
        "rate_limit_exceeded" => RateLimit,
        "server_is_overloaded" | "slow_down" => Overloaded,
        "server_error" => Server,
        "vector_store_timeout" => Timeout,
        // The repair around the client tells what is too long, and cuts it.
        "context_length_exceeded" | "string_above_max_length" | "invalid_prompt" => InvalidRequest,
        "bio_policy" | "misalignment_policy_violation" | "data_residency_mismatch" => InvalidRequest,
        "content_policy_violation" | "image_content_policy_violation" => InvalidRequest,
        name if name.contains("image") => InvalidRequest,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_29_to_be_too_fast_passes_and_to_have_no_money_does_not() {
        let check =
            |status: LlmErrorKind, error_type: &str, code: &str, expected: LlmErrorKind, again: bool| {
                let mut error = LlmError::new(status, "Oh.");
                error.error_type = Some(error_type.to_owned());
                error.error_code = Some(code.to_owned());
                let error = by_code(error);
                assert_eq!((error.kind, error.is_retryable()), (expected, again), "{error_type} {code}");
            };
        check(RateLimit, "insufficient_quota", "insufficient_quota", Billing, false);
        check(RateLimit, "requests", "rate_limit_exceeded", RateLimit, true);
        check(InvalidRequest, "invalid_request_error", "context_length_exceeded", InvalidRequest, false);
        check(Authentication, "invalid_request_error", "invalid_api_key", Authentication, false);
        check(NotFound, "invalid_request_error", "model_not_found", NotFound, false);
        check(Server, "server_error", "server_is_overloaded", Overloaded, true);
        check(Server, "", "server_error", Server, true);
        check(Server, "", "invalid_image_url", InvalidRequest, false);
        check(InvalidRequest, "new_error", "new_code", InvalidRequest, false);
        let mut error = LlmError::new(RateLimit, "Request too large for gpt-6: Limit 30000, Requested 70000");
        error.error_code = Some("rate_limit_exceeded".to_owned());
        assert!(!by_code(error).is_retryable());
    }
}
