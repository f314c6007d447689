//! Checks requests by the rules of the API.

mod blocks;
mod cache;
mod context;
mod fields;
mod media;
mod messages;
mod pairing;
mod schema;
mod tools;

use serde_json::Value;

use crate::Refusal;

/// Checks whether the real API would accept this request body, under version `2026-10-21`. Fails
/// with the first problem found, in the words that the API uses. Use it to test your own code that
/// builds requests; the [`Mock`](crate::Mock) server uses it for each request.
///
/// A request passes if all required fields are there, roles are known, each tool call has exactly
/// one result at the start of the next user message, no text is blank, thinking is signed, and tool
/// names are valid and different. The limits on pictures, documents and cache markers are checked,
/// too. Unknown fields are accepted, because the API has hundreds of types.
///
/// ```
/// let body = serde_json::json!({"model": "m", "max_tokens": 10, "messages": [{"role": "user"}]});
/// let refusal = agent_mock::check(&body).unwrap_err();
/// assert_eq!(refusal.message, "messages.0.content: Field required");
/// ```
pub fn check(body: &Value) -> Result<(), Refusal> {
    check_with(body, Rules::default())
}

/// What the rules depend on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rules {
    /// The request uses an API version before `2026-10-21`.
    pub(crate) old: bool,
    /// The request only counts tokens, so it needs no `max_tokens`.
    pub(crate) counting: bool,
}

/// Checks that a request has at most this many tokens. Four bytes of text count as one token; a
/// picture or a page of a document has up to 1,600.
pub(crate) fn check_length(body: &Value, most: usize) -> Result<(), Refusal> {
    let bytes: usize = ["system", "tools", "messages"].iter().map(|name| words(&body[*name])).sum();
    let tokens = bytes.div_ceil(4);
    must(tokens <= most, || format!("prompt is too long: {tokens} tokens > {most} maximum"))
}

/// The bytes of text in a JSON value. Pictures and documents count with the bytes of text that have
/// as many tokens.
fn words(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(words).sum(),
        Value::Object(fields) => {
            let tokens = media::tokens(value);
            let others = fields.iter().filter(|(name, _)| tokens == 0 || *name != "source");
            4 * tokens + others.map(|(_, value)| words(value)).sum::<usize>()
        }
        _ => 0,
    }
}

type Verdict = Result<(), Refusal>;

pub(crate) fn check_with(body: &Value, rules: Rules) -> Verdict {
    fields::check(body, rules)?;
    context::check(body)?;
    messages::check(body, rules)?;
    pairing::check(body)?;
    media::check(body)?;
    tools::check(body)
}

fn refuse(message: impl Into<String>) -> Verdict {
    Err(Refusal::invalid(message))
}

/// Refuses with this message unless the condition holds.
fn must(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { refuse(message()) }
}

/// Whether it is a valid id or tool name: `[a-zA-Z0-9_-]+`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests;
