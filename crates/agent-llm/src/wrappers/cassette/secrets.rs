//! Texts that look like keys of well-known services.

use std::{borrow::Cow, ops::Range};

/// What stands where a secret stood.
const SCRUBBED: &str = "[secret]";

/// How the secrets of a service look: what they begin with, and what follows.
struct Shape {
    /// The beginning, which belongs to the secret.
    prefix: &'static str,
    /// The least number of characters that follow it.
    least: usize,
    /// Other characters than letters and digits that may follow.
    others: &'static str,
}

const fn shape(prefix: &'static str, least: usize, others: &'static str) -> Shape {
    Shape { prefix, least, others }
}

const SHAPES: &[Shape] = &[
    // Anthropic, OpenAI, OpenRouter and others.
    shape("sk-", 16, "-_"),
    // Groq, xAI, Perplexity, NVIDIA, Replicate, Together.
    shape("gsk_", 20, ""),
    shape("xai-", 20, ""),
    shape("pplx-", 20, ""),
    shape("nvapi-", 20, "-_"),
    shape("r8_", 20, ""),
    shape("tgp_v1_", 20, "-_"),
    // Stripe.
    shape("sk_live_", 16, ""),
    shape("sk_test_", 16, ""),
    shape("rk_live_", 16, ""),
    // AWS.
    shape("AKIA", 16, ""),
    shape("ASIA", 16, ""),
    // GitHub.
    shape("ghp_", 20, ""),
    shape("gho_", 20, ""),
    shape("ghu_", 20, ""),
    shape("ghs_", 20, ""),
    shape("ghr_", 20, ""),
    shape("github_pat_", 20, "_"),
    shape("glpat-", 16, "-_"),
    // Slack.
    shape("xoxa-", 10, "-"),
    shape("xoxb-", 10, "-"),
    shape("xoxp-", 10, "-"),
    shape("xoxr-", 10, "-"),
    shape("xoxs-", 10, "-"),
    // Google.
    shape("AIza", 30, "-_"),
    shape("ya29.", 20, "-_."),
    // Hugging Face, npm.
    shape("hf_", 20, ""),
    shape("npm_", 20, ""),
    // JSON Web Tokens.
    shape("eyJ", 30, "-_."),
];

/// What stands before a token of any shape: in headers, and in the query of a URL.
const BEFORE_TOKENS: [&str; 15] = [
    "Bearer ",
    "bearer ",
    "Authorization: Basic ",
    "authorization: Basic ",
    "api-key: ",
    "?key=",
    "&key=",
    "api_key=",
    "apikey=",
    "api-key=",
    "access_token=",
    "?token=",
    "&token=",
    "&sig=",
    "X-Amz-Signature=",
];
const TOKEN: Shape = shape("", 16, "-._~+/=");

/// The text without secrets of a known shape.
pub(super) fn scrub(text: &str) -> Cow<'_, str> {
    let mut found: Vec<Range<usize>> = SHAPES.iter().flat_map(|shape| shape.places(text)).collect();
    for before in BEFORE_TOKENS {
        found.extend(text.match_indices(before).filter_map(|(at, _)| TOKEN.at(text, at + before.len())));
    }
    found.extend(private_keys(text));
    if found.is_empty() {
        return text.into();
    }
    found.sort_by_key(|place| place.start);
    let (mut scrubbed, mut from) = (String::with_capacity(text.len()), 0);
    for place in found {
        if place.start >= from {
            scrubbed.push_str(&text[from..place.start]);
            scrubbed.push_str(SCRUBBED);
        }
        from = from.max(place.end);
    }
    scrubbed.push_str(&text[from..]);
    scrubbed.into()
}

impl Shape {
    fn places<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let begins = |at: usize| !text[..at].ends_with(|before: char| before.is_alphanumeric());
        text.match_indices(self.prefix).filter_map(move |(at, _)| self.at(text, at).filter(|_| begins(at)))
    }

    /// The secret that begins here. A word without any digit is none.
    fn at(&self, text: &str, start: usize) -> Option<Range<usize>> {
        let rest = &text[start + self.prefix.len()..];
        let is_part = |part: char| part.is_ascii_alphanumeric() || self.others.contains(part);
        let length = rest.find(|part| !is_part(part)).unwrap_or(rest.len());
        let is_secret = length >= self.least && rest[..length].contains(|part: char| part.is_ascii_digit());
        is_secret.then(|| start..start + self.prefix.len() + length)
    }
}

/// Private keys in PEM, from their first line to the end of their last. One that is cut reaches to
/// the end of the text.
fn private_keys(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    const END: &str = "PRIVATE KEY-----";
    text.match_indices("-----BEGIN ").filter_map(|(start, begin)| {
        let inside = start + begin.len();
        let head = text[inside..].find(END).filter(|place| *place < 32)? + inside + END.len();
        let end = text[head..].find(END).map_or(text.len(), |end| head + end + END.len());
        Some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let scrubbed = scrub(text);
        assert_eq!(scrubbed, expected);
        assert_eq!(scrub(&scrubbed), expected, "again");
    }

    #[test]
    fn texts_that_look_like_keys_are_scrubbed() {
        check("key sk-ant-api03-abcDEF123_456-xyz.", "key [secret].");
        check("sk-proj-abcdefgh12345678", "[secret]");
        check("Authorization: Bearer abc.def-123~456+789/0==", "Authorization: Bearer [secret]");
        check("Bearer sk-ant-api03-abcDEF123_456", "Bearer [secret]");
        check("id=AKIAIOSFODNN7EXAMPLE;", "id=[secret];");
        check("ghp_0123456789abcdefghij0123456789abcdef", "[secret]");
        check("xoxb-123456789012-abcdefghij", "[secret]");
        check("AIzaSyA0123456789abcdefghijklmnopqrstuv", "[secret]");
        check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "[secret]");
        check("a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b", "a [secret] b");
        check("-----BEGIN PRIVATE KEY-----\nMII", "[secret]");
        check("ö sk-abcdefgh12345678é", "ö [secret]é");
        check("gsk_0123456789abcdefghij0123456789abcdefghij", "[secret]");
        check("xai-0123456789abcdefghij0123456789", "[secret]");
        check("https://x.test/a?key=0123456789abcdef&b=1", "https://x.test/a?key=[secret]&b=1");
        check("https://x.test/a?b=1&api_key=abcdef0123456789", "https://x.test/a?b=1&api_key=[secret]");
        check("x-api-key: abcdef0123456789", "x-api-key: [secret]");
    }

    #[test]
    fn words_that_only_begin_like_keys_stay() {
        for text in [
            "",
            "sk-learn and task-management-system-2026-edition",
            "sk-learn-pipelines-tutorial",
            "The bearer of this letter",
            "Bearer of good news",
            "https://x.test/a?key=name&token=short1",
            "AKIA",
            "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
        ] {
            check(text, text);
        }
    }
}
