//! How a reply of the Responses API ends.

use agent_core::{
    Json, LlmError, StopReason, Usage,
    model::{Counts, LlmErrorKind},
};

use super::item::Holds;
use crate::openai::{
    fields::Fields,
    openai_blocks::{Others, says_nothing},
    usage,
};
use crate::transport::error::ErrorBody;

/// What is known of a reply only at its end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) stop_reason: StopReason,
    pub(super) stop_details: Option<Json>,
    pub(super) usage: Counts,
    pub(super) extra: Others,
}

/// Reads the end of a reply. An error if it failed, or has not ended. `event` is what the event that
/// it came in says of it.
pub(super) fn end(response: &Fields<'_>, event: Option<&str>, holds: Holds) -> Result<End, LlmError> {
    let (usage, details) = response.get("usage").map(|usage| usage::read(&usage.into())).unwrap_or_default();
    let failed = |error: LlmError| error.costing(Usage::from(usage).of_broken_off());
    let (stop_reason, stop_details) = stop_reason(response, event, holds).map_err(failed)?;
    let mut extra = response.others(is_named);
    extra.extend(details.map(|details| ("usage".to_owned(), details)));
    Ok(End { stop_reason, stop_details, usage, extra })
}

/// Whether a field of a reply has a place of its own, or repeats what was asked.
fn is_named(name: &str) -> bool {
    let is_own = matches!(
        name,
        "error"
            | "id"
            | "image"
            | "incomplete_details"
            | "model"
            | "object"
            | "output"
            | "output_text"
            | "status"
            | "usage"
    );
    is_own || is_setting(name)
}

/// Whether a field of a reply repeats what was asked.
fn is_setting(name: &str) -> bool {
    matches!(
        name,
        "background"
            | "context_management"
            | "frequency_penalty"
            | "include"
            | "instructions"
            | "max_output_tokens"
            | "max_tool_calls"
            | "metadata"
            | "parallel_tool_calls"
            | "presence_penalty"
            | "previous_response_id"
            | "prompt"
            | "prompt_cache_key"
            | "prompt_cache_options"
            | "prompt_cache_retention"
            | "reasoning"
            | "safety_identifier"
            | "store"
            | "stream"
            | "temperature"
            | "text"
            | "tool_choice"
            | "tools"
            | "top_logprobs"
            | "top_p"
            | "truncation"
            | "user"
    )
}

/// Calls are made only if the reply is whole.
fn stop_reason(
    response: &Fields<'_>,
    event: Option<&str>,
    holds: Holds,
) -> Result<(StopReason, Option<Json>), LlmError> {
    let details =
        response.get("incomplete_details").filter(|details| !says_nothing(details.get())).map(Json::from);
    let reason = || Fields::of(details.as_ref()?.text()).ok()?.text("reason");
    let is_cut = || details.is_some().then(|| "incomplete".to_owned());
    // Some servers say only by the event that a reply is not whole.
    let status = match event {
        Some(event @ ("incomplete" | "failed" | "cancelled")) => Some(event.to_owned()),
        _ => response.text("status").or_else(is_cut),
    };
    // Some servers say an error, and that all is well.
    if let Some(error) = response.get("error").filter(|error| !says_nothing(error.get())) {
        return Err(ErrorBody::in_event(&format!("{{\"error\":{}}}", error.get())));
    }
    let stop_reason = by_status(status.as_deref(), reason().as_deref(), holds)?;
    Ok((stop_reason, details))
}

/// `reason` says why the reply is incomplete.
fn by_status(status: Option<&str>, reason: Option<&str>, holds: Holds) -> Result<StopReason, LlmError> {
    Ok(match status {
        Some("completed") | None if holds.refusal => StopReason::Refusal,
        Some("completed") | None if holds.calls => StopReason::ToolUse,
        // Not the end of the turn, since the model waits for it.
        Some("completed") | None if holds.asks.is_some() => {
            StopReason::Other(holds.asks.unwrap_or_default().to_owned())
        }
        Some("completed") | None => StopReason::EndTurn,
        Some("incomplete") => match reason {
            Some("max_output_tokens" | "max_tokens") => StopReason::MaxTokens,
            Some("content_filter") => StopReason::Refusal,
            other => StopReason::Other(other.unwrap_or("incomplete").to_owned()),
        },
        Some("failed") => {
            let message = "the reply failed, and the server did not say why";
            return Err(LlmError::new(LlmErrorKind::Server, message));
        }
        Some("cancelled") => {
            return Err(LlmError::new(LlmErrorKind::Incomplete, "it was cancelled at the server"));
        }
        Some(status @ ("queued" | "in_progress")) => {
            let message = format!("the reply is {status}: replies of the background can't be read here");
            return Err(LlmError::new(LlmErrorKind::Configuration, message));
        }
        Some(other) => StopReason::Other(other.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(response: &str, calls: bool, refusal: bool) -> Result<StopReason, LlmError> {
        end(&Fields::of(response).unwrap(), None, Holds { calls, refusal, asks: None })
            .map(|end| end.stop_reason)
    }

    #[test]
    fn fault_14_calls_of_an_incomplete_reply_are_not_made() {
        let check = |response: &str, calls: bool, expected: StopReason, run: bool| {
            let reason = ended(response, calls, false).unwrap();
            assert_eq!((reason.runs_calls(), &reason), (run, &expected), "{response}");
        };
        check(r#"{"status":"completed"}"#, true, StopReason::ToolUse, true);
        check(r#"{"status":"completed","incomplete_details":null}"#, false, StopReason::EndTurn, true);
        check("{}", true, StopReason::ToolUse, true);
        let cut = r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#;
        check(cut, true, StopReason::MaxTokens, false);
        check(r#"{"status":"incomplete"}"#, true, StopReason::Other("incomplete".into()), false);
        let steered = r#"{"status":"incomplete","incomplete_details":{"reason":"steered"}}"#;
        check(steered, true, StopReason::Other("steered".into()), false);
        check(r#"{"status":"paused"}"#, true, StopReason::Other("paused".into()), false);
    }

    #[test]
    fn fault_16_a_refusal_is_an_end_of_its_own_and_keeps_its_details() {
        assert_eq!(ended(r#"{"status":"completed"}"#, true, true).unwrap(), StopReason::Refusal);
        let filtered = r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}"#;
        let end = end(&Fields::of(filtered).unwrap(), None, Holds::default()).unwrap();
        assert_eq!(end.stop_reason, StopReason::Refusal);
        assert_eq!(end.stop_details.unwrap().text(), r#"{"reason":"content_filter"}"#);
    }

    #[test]
    fn a_reply_that_failed_is_an_error_with_its_cost() {
        let failed = r#"{"status":"failed","error":{"code":"rate_limit_exceeded","message":"Slow down"},
            "usage":{"input_tokens":3,"output_tokens":1}}"#;
        let error = ended(failed, false, false).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (LlmErrorKind::RateLimit, "Slow down"));
        assert_eq!(error.usage().broken_off.input_tokens, 3);
        assert_eq!(ended(r#"{"status":"failed"}"#, false, false).unwrap_err().kind, LlmErrorKind::Server);
        assert_eq!(
            ended(r#"{"status":"cancelled"}"#, false, false).unwrap_err().kind,
            LlmErrorKind::Incomplete
        );
        let queued = ended(r#"{"status":"queued"}"#, false, false).unwrap_err();
        assert_eq!(queued.kind, LlmErrorKind::Configuration);
    }
}
