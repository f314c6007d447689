//! What must not be read in errors.

use std::fmt;

use agent_core::message::safe_line;

/// The least bytes of a value that is looked for. Shorter ones, such as `1` or `true`, would be
/// found in words that are no secrets.
const SHORTEST: usize = 6;

/// Values that the program gave for the server alone: tokens, headers, its environment. They are
/// taken out of all text of the server that errors repeat.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.0.push(secret.to_owned());
            // As it is in JSON, which errors also repeat.
            let json = serde_json::Value::from(secret).to_string();
            let json = &json[1..json.len() - 1];
            if json != secret {
                self.0.push(json.to_owned());
            }
            // The longest first, so that no part of one is left.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// The text of a server as errors repeat it: with a placeholder for each secret, and on one
    /// line without control characters, because a terminal would obey them.
    pub(super) fn hide(&self, text: &str) -> String {
        let hidden = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[hidden]"));
        safe_line(&hidden).into_owned()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn secrets_are_hidden_and_short_words_are_not() {
        let mut secrets = Secrets::default();
        ["true", "sk-12345", "sk-12345-and-more"].iter().for_each(|secret| secrets.add(secret));
        let hidden = secrets.hide("it is true: sk-12345-and-more, sk-12345");
        assert_eq!(hidden, "it is true: [hidden], [hidden]");
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
        assert_eq!(secrets.hide("red: \u{1b}[31m"), r"red: \u{1b}[31m");
        secrets.add("pass\\word\"");
        assert_eq!(secrets.hide(r#"{"a":"pass\\word\""} pass\word""#), r#"{"a":"[hidden]"} [hidden]"#);
    }
}
