//! Which requests the API takes.

mod blocks;
mod cache;
mod fields;
mod media;
mod messages;
mod pairing;
mod schema;
mod tools;

use serde_json::Value;

use crate::Refusal;

/// Checks the body of a request for a reply as the API does under version `2026-10-21`, and says in its words
/// what is wrong and where: the first thing found, as it does.
///
/// It wants the required fields, known roles, one result for each tool call, first in the next user message, no
/// blank text, signed thinking, tools with good and different names, and a few things more. Fields it does not know
/// pass: the API's types have hundreds.
///
/// ```
/// let body = serde_json::json!({"model": "m", "max_tokens": 10, "messages": [{"role": "user"}]});
/// let refusal = agent_mock::check(&body).unwrap_err();
/// assert_eq!(refusal.message, "messages.0.content: Field required");
/// ```
pub fn check(body: &Value) -> Result<(), Refusal> {
    check_by(body, Rules::default())
}

/// What the rules depend on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rules {
    /// The version is one before `2026-10-21`.
    pub(crate) old: bool,
    /// The tokens of the request are to be counted, so it need not say how many to reply with.
    pub(crate) counting: bool,
}

/// Checks that a request has no more tokens than these, four bytes of words being one; pictures and the pages of files have
/// up to 1,600.
pub(crate) fn check_length(body: &Value, most: usize) -> Result<(), Refusal> {
    let bytes: usize = ["system", "tools", "messages"].iter().map(|name| words(&body[*name])).sum();
    let tokens = bytes.div_ceil(4);
    must(tokens <= most, || format!("prompt is too long: {tokens} tokens > {most} maximum"))
}

/// How many bytes of words there are in it, whatever it is; of pictures and files, how many would have as many tokens.
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

pub(crate) fn check_by(body: &Value, rules: Rules) -> Verdict {
    fields::check(body, rules)?;
    messages::check(body, rules)?;
    pairing::check(body)?;
    media::check(body)?;
    tools::check(body)
}

fn refuse(message: impl Into<String>) -> Verdict {
    Err(Refusal::invalid(message))
}

/// Refuses with this message unless it holds.
fn must(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { refuse(message()) }
}

/// A name as ids and tools have them: `[a-zA-Z0-9_-]+`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests;
