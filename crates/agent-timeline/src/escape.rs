//! JSON inside HTML.

/// Escapes JSON such that it can stand inside a `<script>`: no text in it can end the script, open
/// a comment or change the reading direction of what follows. It is still the same JSON.
pub fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(place) = rest.find(is_odd) {
        let (plain, odd) = rest.split_at(place);
        let character = odd.chars().next().expect("it was found");
        escaped.push_str(plain);
        escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        rest = &odd[character.len_utf8()..];
    }
    escaped.push_str(rest);
    escaped
}

/// Whether a character could be read as more than text. Outside of strings, JSON has none of these.
fn is_odd(character: char) -> bool {
    matches!(character,
        '<' | '>' | '&' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn escaped_json_is_the_same_json_and_no_markup() {
        let hostile = "</script><!--&amp;\"'\u{2028}\u{202e}\u{feff}\u{7f}\0é日";
        let json = serde_json::to_string(hostile).unwrap();
        let escaped = escape(&json);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), hostile);
        let odd = |character: char| "<>&\u{2028}\u{202e}\u{feff}\u{7f}".contains(character);
        assert!(!escaped.contains(odd), "{escaped}");
        assert!(escaped.contains("é日"), "{escaped}");
    }
}
