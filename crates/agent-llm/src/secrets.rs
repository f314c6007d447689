//! What is sent and never shown.

use std::borrow::Cow;

use crate::{Key, Settings};

/// The shortest word of a header that may be a secret. To take out shorter ones would cost more than they hide.
const SHORTEST: usize = 12;

/// The key, and the words of headers that were given: any of them may be a secret, as a gateway's token is.
#[derive(Clone)]
pub(crate) struct Secrets(Vec<Key>);

impl Secrets {
    pub(crate) fn of(settings: &Settings, key: &Key) -> Self {
        let words = settings.headers.iter().flat_map(|(_, value)| value.split_whitespace());
        let words = words.filter(|word| word.len() >= SHORTEST).map(Key::from);
        Self([key.clone()].into_iter().chain(words).collect())
    }

    /// The text without them.
    pub(crate) fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, secret| match secret.scrub(&text) {
            Cow::Owned(scrubbed) => scrubbed.into(),
            Cow::Borrowed(_) => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_34_a_token_that_was_given_as_a_header_is_scrubbed_like_the_key() {
        let settings =
            Settings::default().header("authorization", "Bearer token-of-a-gateway").header("x-env", "test");
        let secrets = Secrets::of(&settings, &Key::from("sk-1"));
        assert_eq!(
            secrets.scrub("test: neither sk-1 nor Bearer token-of-a-gateway"),
            "test: neither [key] nor Bearer [key]"
        );
        assert!(matches!(secrets.scrub("nothing"), Cow::Borrowed("nothing")));
    }
}
