//! What is sent and never shown.

use std::{borrow::Cow, ops::Range};

use reqwest::Url;
use serde_json::Value;

use super::key::Key;

/// What a text shows where a secret stood in it.
const SCRUBBED: &str = "[key]";

/// The shortest word of a header or of the URL's query that may be a secret. To take out shorter
/// ones would cost more than they hide.
const SHORTEST: usize = 12;

/// The key, and the words of headers and of the base URL's query: any of them may be a secret, as a
/// gateway's token is.
#[derive(Clone)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn of(key: Option<&Key>, headers: &[(String, String)], base_url: Option<&str>) -> Self {
        let words = headers.iter().flat_map(|(_, value)| value.split_whitespace());
        let words = words.map(str::to_owned).chain(base_url.into_iter().flat_map(queried));
        let words = words.filter(|word| word.len() >= SHORTEST);
        let key = key.map(|key| key.secret().to_owned());
        let words = key.into_iter().chain(words).filter(|word| !word.is_empty());
        let mut words: Vec<String> = words.flat_map(written).collect();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// These, and the words of more headers.
    pub(crate) fn with<'a>(&self, values: impl Iterator<Item = &'a str>) -> Self {
        let words = values.flat_map(str::split_whitespace).filter(|word| word.len() >= SHORTEST);
        let words = words.flat_map(|word| written(word.to_owned()));
        let mut words: Vec<String> = self.0.iter().cloned().chain(words).collect();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// The text without them. All of them are looked for in the text as it came, so no part of one
    /// is left where two overlap; and what stands for a secret already is left alone.
    pub(crate) fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.found(text);
        match found.is_empty() {
            true => text.into(),
            false => without(text, found).into(),
        }
    }

    /// The same of the first `most` bytes of a text. Of a secret that begins in them and ends
    /// behind them, no part is left.
    pub(crate) fn scrub_first(&self, text: &str, most: usize) -> String {
        let mut found = self.found(first(text, most.saturating_add(self.longest())));
        found.retain(|place| place.start < most);
        let end = found.last().map_or(most, |last| last.end.max(most));
        without(first(text, end), found)
    }

    /// The most bytes that one of them has.
    pub(crate) fn longest(&self) -> usize {
        self.0.iter().map(String::len).max().unwrap_or(0)
    }

    /// Where they stand, in order.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = self.0.iter().flat_map(|secret| places(text, secret)).collect();
        if !found.is_empty() {
            let scrubbed: Vec<Range<usize>> = places(text, SCRUBBED).collect();
            // They stand in order and apart, so only one of them can hold a place.
            found.retain(|place| {
                let at = scrubbed.partition_point(|done| done.end < place.end);
                scrubbed.get(at).is_none_or(|done| done.start > place.start)
            });
            found.extend(scrubbed);
        }
        merged(found)
    }
}

/// A word as it may stand in a text: as it is, and in a string of JSON, where some escape slashes,
/// too.
fn written(word: String) -> [String; 3] {
    let quoted = Value::from(word.as_str()).to_string();
    let inner = quoted[1..quoted.len() - 1].to_owned();
    let slashes = inner.replace('/', r"\/");
    [word, inner, slashes]
}

/// The values of a URL's query, as they stand there and decoded.
fn queried(url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(url.trim()) else { return Vec::new() };
    let as_written = url.query().unwrap_or_default().split('&').map(|pair| match pair.split_once('=') {
        Some((_, value)) => value.to_owned(),
        None => pair.to_owned(),
    });
    let decoded = url.query_pairs().flat_map(|(name, value)| [name.into_owned(), value.into_owned()]);
    as_written.chain(decoded).collect()
}

/// All places of a word in a text, also those that overlap.
fn places<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(word)?;
        from = start + text[start..].chars().next().map_or(1, char::len_utf8);
        Some(start..start + word.len())
    })
}

/// Those that overlap as one.
fn merged(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| place.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for place in places {
        match merged.last_mut().filter(|last| place.start < last.end) {
            Some(last) => last.end = last.end.max(place.end),
            None => merged.push(place),
        }
    }
    merged
}

/// At most so many bytes of a text.
fn first(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

fn without(text: &str, places: Vec<Range<usize>>) -> String {
    let mut scrubbed = String::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        scrubbed.push_str(&text[from..place.start]);
        scrubbed.push_str(SCRUBBED);
        from = place.end;
    }
    scrubbed.push_str(&text[from..]);
    scrubbed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(words: &[&str]) -> Secrets {
        Secrets(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn fault_34_a_token_that_was_given_as_a_header_is_scrubbed_like_the_key() {
        let headers = [("authorization", "Bearer token-of-a-gateway"), ("x-env", "test")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let secrets = Secrets::of(Some(&Key::from("sk-1")), &headers, None);
        assert_eq!(
            secrets.scrub("test: neither sk-1 nor Bearer token-of-a-gateway"),
            "test: neither [key] nor Bearer [key]"
        );
        assert!(matches!(secrets.scrub("nothing"), Cow::Borrowed("nothing")));
    }

    #[test]
    fn fault_34_a_key_that_stands_in_json_is_scrubbed_too() {
        let secrets = Secrets::of(Some(&Key::from("a/b\"c")), &[], None);
        assert_eq!(
            secrets.scrub(r#"a/b"c {"key":"a/b\"c"} {"key":"a\/b\"c"}"#),
            r#"[key] {"key":"[key]"} {"key":"[key]"}"#
        );
    }

    #[test]
    fn field_75_of_a_text_that_is_cut_in_a_secret_no_part_of_it_is_left() {
        let secrets = secrets(&["secret-key"]);
        let check = |text: &str, most: usize, expected: &str| {
            assert_eq!(secrets.scrub_first(text, most), expected, "{text:?} {most}");
        };
        check("short", 100, "short");
        check("a secret-key b", 100, "a [key] b");
        check("a secret-key b", 5, "a [key]");
        check("a secret-key b", 2, "a ");
        check("a secret-ke", 5, "a sec");
        check("äsecret-key", 1, "");
        let many = "secret-key[key]".repeat(20_000);
        assert_eq!(secrets.scrub(&many), "[key][key]".repeat(20_000));
    }

    #[test]
    fn fault_34_a_text_that_echoes_the_key_is_scrubbed() {
        let secrets = secrets(&["sk-1"]);
        assert_eq!(secrets.scrub("sk-1 is wrong: sk-1"), "[key] is wrong: [key]");
        assert_eq!(secrets.scrub("no such key"), "no such key");
    }

    #[test]
    fn field_86_a_token_in_the_base_urls_query_is_scrubbed_like_the_key() {
        let url = "https://gateway/?token=token%2Fof%2Fa%2Fgateway&x=1&another-long-token";
        let secrets = Secrets::of(Some(&Key::from("sk-1")), &[], Some(url));
        assert_eq!(
            secrets.scrub("token/of/a/gateway token%2Fof%2Fa%2Fgateway x=1 another-long-token"),
            "[key] [key] x=1 [key]"
        );
    }

    #[test]
    fn field_75_what_scrubbing_wrote_is_never_scrubbed_again() {
        let check = |words: &[&str], text: &str, expected: &str| {
            let secrets = secrets(words);
            let scrubbed = secrets.scrub(text).into_owned();
            assert_eq!(scrubbed, expected, "{words:?}");
            assert_eq!(secrets.scrub(&scrubbed), expected, "{words:?}, again");
        };
        check(&["e"], "req_e1", "r[key]q_[key]1");
        check(&["k", "[key]", "y]"], "a k", "a [key]");
        // The longest first, in whatever order they are known.
        check(&["token", "my-token-1"], "my-token-1 token", "[key] [key]");
        check(&["my-token-1", "token"], "my-token-1 token", "[key] [key]");
        // Those that overlap leave no part of either, nor does one that overlaps itself.
        check(&["abcd", "cdef"], "<abcdef>", "<[key]>");
        check(&["aba"], "<ababa>", "<[key]>");
        check(&["ab"], "abab", "[key][key]");
        // One that begins in a place that was scrubbed.
        check(&["]x"], "[key]xy", "[key]y");
        check(&["é"], "éé", "[key][key]");
    }
}
