//! Compares replies and errors with those that were expected.

use agent_core::{
    Block, LlmError, Response, StopReason, Usage,
    message::{BlockKind, ToolCall},
};
use serde_json::Value;

use super::{
    case::Failure,
    mismatch::{Checked, Mismatch, must, same},
};

/// Fails unless a reply says the same: text, calls, the kind of its end, and its usage if the
/// expected reply has one. What only one API has, such as thinking, may stand between.
pub(super) fn same_reply(expected: &Response, got: &Response) -> Checked {
    same(&content(&expected.content), &content(&got.content))?;
    let (end, got_end) = (end(&expected.stop_reason), self::end(&got.stop_reason));
    must(end == got_end, || Mismatch::new(end, format!("{got_end}: {:?}", got.stop_reason.as_str())))?;
    match expected.usage == Usage::default() {
        true => Ok(()),
        false => same(&usage(&expected.usage), &usage(&got.usage)),
    }
}

/// The text and the calls of a reply. Texts that stand side by side are one.
fn content(blocks: &[Block]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut text = String::new();
    for block in blocks {
        match block.kind() {
            BlockKind::Text(more) => text.push_str(more),
            BlockKind::ToolUse(call) => {
                parts.extend(words(&std::mem::take(&mut text)));
                parts.push(self::call(call));
            }
            _ => {}
        }
    }
    parts.extend(words(&text));
    if parts.is_empty() { "no content".to_owned() } else { parts.join(", ") }
}

fn words(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| format!("text {text:?}"))
}

/// A call in words. The order of its fields and white space do not matter.
fn call(call: &ToolCall) -> String {
    let input = serde_json::from_str::<Value>(call.input.text());
    let input = input.map_or_else(|_| call.input.text().to_owned(), |input| input.to_string());
    format!("call {} {} {input}", call.id, call.name)
}

/// What the end of a reply means. APIs have different words for it.
fn end(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::MaxTokens => "a reply that was cut at max_tokens",
        reason if reason.runs_calls() => "a complete reply",
        StopReason::Refusal | StopReason::Other(_) => "a reply that was refused",
        _ => "a reply that was cut or paused",
    }
}

/// All tokens that were read, whether they were cached or not, and those that were written.
fn usage(usage: &Usage) -> String {
    let read = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
    format!("usage of {read} input tokens and {} output tokens", usage.output_tokens)
}

/// Fails unless an error is as expected.
pub(super) fn same_failure(expected: &Failure, got: &LlmError) -> Checked {
    let is_same = expected.kinds.contains(&got.kind)
        && expected.is_retryable == got.is_retryable()
        && expected.status.is_none_or(|status| got.status == Some(status))
        && expected.retry_after.is_none_or(|wait| got.retry_after == Some(wait));
    must(is_same, || Mismatch::new(failure(expected), error(got)))
}

/// An expected error in words.
pub(super) fn failure(expected: &Failure) -> String {
    let kinds: Vec<String> = expected.kinds.iter().map(|kind| format!("{kind:?}")).collect();
    described(&kinds.join(" or "), expected.is_retryable, expected.status, expected.retry_after)
}

/// An error in words.
pub(super) fn error(error: &LlmError) -> String {
    let kind = format!("{:?}", error.kind);
    let facts = described(&kind, error.is_retryable(), error.status, error.retry_after);
    format!("{facts} ({error})")
}

fn described(
    kind: &str,
    is_retryable: bool,
    status: Option<u16>,
    retry_after: Option<std::time::Duration>,
) -> String {
    let retried = if is_retryable { "may be retried" } else { "must not be retried" };
    let status = status.map(|status| format!(", status {status}")).unwrap_or_default();
    let wait = retry_after.map(|wait| format!(", after {wait:?}")).unwrap_or_default();
    format!("an error {kind} that {retried}{status}{wait}")
}

/// A reply in words.
pub(super) fn reply(reply: &Response) -> String {
    format!("{} of {}", end(&reply.stop_reason), content(&reply.content))
}
