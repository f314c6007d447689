//! Text that is cut where it is too long.

/// The beginning of a text, of at most so many bytes and of whole characters.
pub(crate) fn prefix(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The text; one of more bytes is cut, and says so at its end.
pub(crate) fn truncated(mut text: String, max_bytes: usize) -> String {
    let bytes = text.len();
    if bytes > max_bytes {
        let end = prefix(&text, max_bytes).len();
        text.truncate(end);
        text.push_str(&format!("\n[cut: the result has {bytes} bytes, and {end} of them are shown]"));
    }
    text
}
