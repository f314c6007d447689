//! Why a reply of chat completions ended.

use agent_core::{Json, LlmError, StopReason, model::LlmErrorKind};
use serde_json::json;

/// What a reply holds, as far as its end depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holds {
    /// It makes calls.
    pub(super) calls: bool,
    /// It says in words why the model declines.
    pub(super) refusal: bool,
}

/// The stop reason, and what there is to say about it. The calls of a reply are made only if the
/// reply is whole, so what nobody here knows stays as it is: it may say that the reply was cut.
/// Some servers end a reply with calls with `stop`, and some write these words as other APIs do. An
/// error if the server gave up.
pub(super) fn stop_reason(word: &str, holds: Holds) -> Result<(StopReason, Option<Json>), LlmError> {
    let said = || Some(json!({"finish_reason": word}).into());
    Ok(match word.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "eos" | "eos_token" | "tool_calls" | "tool_call" | "function_call"
        | "tool_use"
            if holds.refusal =>
        {
            (StopReason::Refusal, None)
        }
        "tool_calls" | "tool_call" | "function_call" | "tool_use" => (StopReason::ToolUse, None),
        "stop" | "end_turn" | "eos" | "eos_token" if holds.calls => (StopReason::ToolUse, None),
        "stop" | "end_turn" | "eos" | "eos_token" => (StopReason::EndTurn, None),
        "stop_sequence" => (StopReason::StopSequence, None),
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => (StopReason::MaxTokens, None),
        "model_context_window_exceeded" => (StopReason::ContextWindowExceeded, None),
        "content_filter" | "refusal" | "safety" => (StopReason::Refusal, said()),
        "insufficient_system_resource" => {
            let message = "the server ran out of room while it wrote the reply";
            return Err(LlmError::new(LlmErrorKind::Overloaded, message));
        }
        "error" => {
            let message = "the server ended the reply with an error and did not say which";
            return Err(LlmError::new(LlmErrorKind::Server, message));
        }
        _ => (StopReason::Other(word.to_owned()), None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_14_calls_are_made_of_a_whole_reply_and_of_no_other() {
        let check = |word: &str, calls: bool, expected: StopReason, run: bool| {
            let (reason, _) = stop_reason(word, Holds { calls, refusal: false }).unwrap();
            assert_eq!(reason.runs_calls(), run, "{word}");
            assert_eq!(reason, expected, "{word}");
        };
        check("tool_calls", true, StopReason::ToolUse, true);
        check("function_call", true, StopReason::ToolUse, true);
        check("stop", true, StopReason::ToolUse, true);
        check("STOP", true, StopReason::ToolUse, true);
        check("stop", false, StopReason::EndTurn, true);
        check("tool_calls", false, StopReason::ToolUse, true);
        check("length", true, StopReason::MaxTokens, false);
        check("MAX_TOKENS", true, StopReason::MaxTokens, false);
        check("content_filter", true, StopReason::Refusal, false);
        check("recitation", true, StopReason::Other("recitation".to_owned()), false);
    }

    #[test]
    fn fault_16_a_refusal_is_none_of_the_words_for_success() {
        let refusal = Holds { calls: false, refusal: true };
        assert_eq!(stop_reason("stop", refusal).unwrap().0, StopReason::Refusal);
        let (reason, details) = stop_reason("content_filter", Holds::default()).unwrap();
        assert_eq!(reason, StopReason::Refusal);
        assert_eq!(details.unwrap().text(), r#"{"finish_reason":"content_filter"}"#);
        assert_eq!(stop_reason("length", refusal).unwrap().0, StopReason::MaxTokens);
        let error = |word: &str| stop_reason(word, Holds::default()).unwrap_err();
        assert_eq!(error("error").kind, LlmErrorKind::Server);
        assert!(error("insufficient_system_resource").is_retryable());
    }
}
