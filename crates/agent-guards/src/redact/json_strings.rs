//! Changes the strings in a JSON text, and leaves all else as it is written.

/// What is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The strings that are values.
    Values,
    /// All strings, also names of fields, and numbers. A number that is changed becomes a string.
    Everything,
}

/// The JSON text with its strings changed; `None` if none is. `change` gets the name of the field
/// that a value is in, and the value.
pub(super) fn changed(
    json: &str,
    which: Which,
    mut change: impl FnMut(&str, &str) -> Option<String>,
) -> Option<String> {
    let (mut new, mut done, mut at) = (String::new(), 0, 0);
    // The names of the fields that lead to a place.
    let mut fields = vec![String::new()];
    while at < json.len() {
        let end = end_of_token(json, at);
        let (token, rest) = (&json[at..end], &json[end..]);
        let field = fields.last_mut();
        let replaced = match (token.as_bytes()[0], field) {
            (b'"', Some(field)) if rest.trim_start().starts_with(':') => {
                *field = unquoted(token);
                if which == Which::Everything { change("", field) } else { None }
            }
            (b'"', Some(field)) => change(field, &unquoted(token)),
            (b'-' | b'0'..=b'9', _) if which == Which::Everything => change("", token),
            (b'{', _) => {
                fields.push(String::new());
                None
            }
            (b'}', _) => {
                fields.pop();
                None
            }
            _ => None,
        };
        if let Some(replaced) = replaced {
            new.push_str(&json[done..at]);
            new.push_str(&serde_json::Value::from(replaced).to_string());
            done = end;
        }
        at = end;
    }
    new.push_str(&json[done..]);
    (done > 0).then_some(new)
}

fn unquoted(token: &str) -> String {
    serde_json::from_str(token).expect("it is a string of a text that was read as JSON before")
}

/// Where the string, number or other part ends that begins here.
fn end_of_token(json: &str, at: usize) -> usize {
    let rest = &json.as_bytes()[at..];
    let length = match rest[0] {
        b'"' => {
            let mut length = 1;
            while length < rest.len() && rest[length] != b'"' {
                length += if rest[length] == b'\\' { 2 } else { 1 };
            }
            length + 1
        }
        b'-' | b'0'..=b'9' => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
            rest.iter().take_while(|byte| is_part(byte)).count()
        }
        _ => 1,
    };
    (at + length).min(json.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_change_and_all_else_stays_as_written() {
        let check = |which, json: &str, expected: Option<&str>| {
            let change = |field: &str, text: &str| text.contains('x').then(|| format!("{field}:{text}"));
            assert_eq!(changed(json, which, change).as_deref(), expected, "{json}");
        };
        use Which::*;
        check(
            Values,
            r#"{"a" : 1, "b":["x", {"x":"y"}, "\u0078\n"]}"#,
            Some(r#"{"a" : 1, "b":["b:x", {"x":"y"}, "b:x\n"]}"#),
        );
        check(Everything, r#"{"x":{"k":"q\\"},"z":"x\""}"#, Some(r#"{":x":{"k":"q\\"},"z":"z:x\""}"#));
        check(Values, r#"{"a":[1e99,null,"日本"]}"#, None);
        let numbers =
            changed(r#"[1, -2.5e3, "3", true]"#, Everything, |_, text| (text != "3").then(|| "n".to_owned()));
        assert_eq!(numbers.as_deref(), Some(r#"["n", "n", "3", true]"#));
    }
}
