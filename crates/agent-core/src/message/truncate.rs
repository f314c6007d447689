//! Cuts text that is too long.

/// The first `max_bytes` bytes of a text, or fewer, so that no character is cut.
pub(crate) fn prefix(text: &str, max_bytes: usize) -> &str {
    let end = (0..=max_bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Cuts a text that has more than `max_bytes` bytes, and adds a note that it was cut.
pub(crate) fn truncated(mut text: String, max_bytes: usize) -> String {
    let bytes = text.len();
    if bytes > max_bytes {
        let end = prefix(&text, max_bytes).len();
        text.truncate(end);
        text.push_str(&format!("\n[cut: the result has {bytes} bytes, and {end} of them are shown]"));
    }
    text
}
