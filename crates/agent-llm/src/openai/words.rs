//! Words that stand for what is not sent as it is.

use std::borrow::Cow;

use agent_core::Content;

use super::content::Part;

/// The texts of a reply as one: they are parts of one text. `None` if there is nothing to see in
/// it.
pub(super) fn joined(texts: Vec<&str>) -> Option<Cow<'_, str>> {
    let text = match texts.as_slice() {
        [text] => Cow::Borrowed(*text),
        texts => Cow::Owned(texts.concat()),
    };
    (!text.trim().is_empty()).then_some(text)
}

/// The text of a result that is nothing but that: there is no need to put its words together.
pub(super) fn only_words(content: &Content, is_error: bool) -> Option<&str> {
    match content {
        Content::Text(text) if !is_error && !text.trim().is_empty() => Some(text),
        _ => None,
    }
}

/// The words of a result, in one text. It says whether the call failed, since there is no field for
/// it, and it is never empty.
pub(super) fn result_words<'a>(words: Vec<Part<'a>>, is_error: bool, has_more: bool) -> Cow<'a, str> {
    let mut texts: Vec<Cow<'a, str>> = words.into_iter().filter_map(text).collect();
    if texts.is_empty() {
        texts.push(if has_more { "[see below]" } else { "[no output]" }.into());
    }
    if is_error {
        texts.insert(0, FAILED.into());
    }
    match <[Cow<'a, str>; 1]>::try_from(texts) {
        Ok([text]) => text,
        Err(texts) => texts.join("\n").into(),
    }
}

/// What stands before the words of an error.
pub(super) const FAILED: &str = "[the call failed]";

fn text(part: Part<'_>) -> Option<Cow<'_, str>> {
    match part {
        Part::Text(text) => Some(text),
        _ => None,
    }
}
