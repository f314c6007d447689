//! Reading the headers of an answer.

use reqwest::header::{CONTENT_TYPE, HeaderMap};

/// A header's value, if it is there and is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the content type is this one. An answer without a content type may be anything.
pub(crate) fn is(headers: &HeaderMap, content_type: &str) -> bool {
    text(headers, CONTENT_TYPE.as_str()).is_none_or(|given| given.to_ascii_lowercase().contains(content_type))
}
