//! Replaces halves of characters in JSON: escapes of a surrogate without its partner.

/// Replaces each escape that is half a character (`\ud83e` without `\udd80` after it, or the
/// reverse) by `\ufffd`. Returns `None` if there is none. JSON's grammar allows them, but they are
/// not valid text, and a server that is sent one refuses the whole request.
pub(crate) fn replaced(json: &str) -> Option<String> {
    // Searching for a single character is fast, so that is tried first.
    if !json.contains('\\') || !json.contains(r"\u") {
        return None;
    }
    let mut whole = String::new();
    let (mut copied, mut next) = (0, 0);
    // In JSON, every backslash begins an escape. Text that is not JSON may end inside an escape;
    // whoever parses it reports that.
    while let Some(found) = json.get(next..).and_then(|rest| rest.find('\\')) {
        let escape = next + found;
        let behind = escape + 6;
        next = match code_unit(json, escape) {
            None => escape + 2,
            Some(0xD800..=0xDBFF) if matches!(code_unit(json, behind), Some(0xDC00..=0xDFFF)) => behind + 6,
            Some(0xD800..=0xDFFF) => {
                whole.push_str(&json[copied..escape]);
                whole.push_str(r"\ufffd");
                copied = behind;
                behind
            }
            Some(_) => behind,
        };
    }
    (copied > 0).then(|| whole + &json[copied..])
}

/// The code unit of a `\uXXXX` escape at this place; `None` if there is no such escape.
fn code_unit(json: &str, place: usize) -> Option<u16> {
    let digits = json.get(place..place + 6)?.strip_prefix(r"\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        let check = |json: &str, expected: Option<&str>| {
            assert_eq!(replaced(json).as_deref(), expected, "{json}");
            assert!(serde_json::from_str::<String>(expected.unwrap_or(json)).is_ok(), "{json}");
        };
        check(r#""\n\"\\""#, None);
        check(r#""é 🦀 \u00e9 \ud83e\udd80 \uD83E\uDD80""#, None);
        check(r#""\\ud83e \\\\ud83e""#, None);
        check(r#""\ud83e""#, Some(r#""\ufffd""#));
        check(r#""\uDD80""#, Some(r#""\ufffd""#));
        check(r#""a\ud83eb\udd80c""#, Some(r#""a\ufffdb\ufffdc""#));
        check(r#""\udd80\ud83e""#, Some(r#""\ufffd\ufffd""#));
        check(r#""\ud83e\ud83e\udd80""#, Some(r#""\ufffd\ud83e\udd80""#));
        check(r#""\ud83e\\udd80 é""#, Some(r#""\ufffd\\udd80 é""#));
        check(r#""\\\ud83e\n""#, Some(r#""\\\ufffd\n""#));
    }
}
