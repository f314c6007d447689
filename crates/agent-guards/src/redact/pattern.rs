//! What is secret: patterns, and how they are found in a text.

use std::ops::Range;

use regex::Regex;

use super::numbers;

/// A kind of value that models must not read.
#[derive(Clone)]
pub(super) struct Pattern {
    /// Its name in placeholders.
    pub(super) kind: String,
    find: Find,
}

#[derive(Clone)]
enum Find {
    /// The value is the first group of the expression, or all of it if it has no group.
    Regex(Regex),
    Function(fn(&str) -> Vec<Range<usize>>),
}

/// Keys of well-known services.
const API_KEY: &str = r"\b(?:sk-[A-Za-z0-9_-]{20,}|[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})";
const BEARER: &str = r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})";
/// JSON Web Tokens.
const JWT: &str = r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}";
/// Up to its end, or of what was cut off, up to the end of the text.
const PRIVATE_KEY: &str =
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)";
const EMAIL: &str = r"[\w.%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}";
/// With a country's code, or as in North America.
const PHONE: &str =
    r"\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}|\(?\b[2-9][0-9]{2}\)?[ .-]{1,2}[2-9][0-9]{2}[ .-][0-9]{4}\b";
const IPV4: &str = r"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b";

impl Pattern {
    pub(super) fn regex(kind: &str, regex: &str) -> Result<Self, regex::Error> {
        Ok(Self { kind: kind.to_owned(), find: Find::Regex(Regex::new(regex)?) })
    }

    fn known(kind: &str, regex: &str) -> Self {
        Self::regex(kind, regex).expect("a test compiles all of these expressions")
    }

    fn function(kind: &str, find: fn(&str) -> Vec<Range<usize>>) -> Self {
        Self { kind: kind.to_owned(), find: Find::Function(find) }
    }

    pub(super) fn secrets() -> Vec<Self> {
        vec![
            Self::known("PRIVATE_KEY", PRIVATE_KEY),
            Self::known("API_KEY", API_KEY),
            Self::known("TOKEN", BEARER),
            Self::known("TOKEN", JWT),
        ]
    }

    pub(super) fn personal() -> Vec<Self> {
        vec![
            Self::known("EMAIL", EMAIL),
            Self::function("IBAN", numbers::ibans),
            Self::function("CARD", numbers::cards),
            Self::known("PHONE", PHONE),
        ]
    }

    pub(super) fn ip_addresses() -> Vec<Self> {
        vec![Self::known("IP", IPV4), Self::function("IP", numbers::ipv6_addresses)]
    }

    /// Whether a value is recognised only by what is around it.
    pub(super) fn is_contextual(&self) -> bool {
        matches!(&self.find, Find::Regex(regex) if regex.captures_len() > 1)
    }

    /// The places of the values in a text.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        match &self.find {
            Find::Function(find) => find(text),
            Find::Regex(regex) if self.is_contextual() => {
                let groups = regex.captures_iter(text).filter_map(|groups| groups.get(1));
                groups.map(|found| found.range()).filter(|range| !range.is_empty()).collect()
            }
            Find::Regex(regex) => {
                regex.find_iter(text).map(|found| found.range()).filter(|range| !range.is_empty()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a text, with its kind.
    fn check(text: &str, expected: &[&str]) {
        let all = [Pattern::secrets(), Pattern::personal(), Pattern::ip_addresses()].concat();
        let found = all.iter().flat_map(|pattern| {
            pattern.find(text).into_iter().map(|range| format!("{} {}", pattern.kind, &text[range]))
        });
        assert_eq!(found.collect::<Vec<String>>(), expected, "{text}");
    }

    #[test]
    fn secrets_are_found() {
        check("key sk-ant-api03-AbCdEfGhIjKlMnOpQrSt.", &["API_KEY sk-ant-api03-AbCdEfGhIjKlMnOpQrSt"]);
        check("task-force-of-the-century-and-more", &[]);
        check("AKIAIOSFODNN7EXAMPLE", &["API_KEY AKIAIOSFODNN7EXAMPLE"]);
        let github = format!("ghp_{}", "a1".repeat(18));
        check(&format!("({github})"), &[&format!("API_KEY {github}")]);
        check("Authorization: bearer 0123456789abcdef==", &["TOKEN 0123456789abcdef=="]);
        check("the bearer of bad news", &[]);
        check("eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK", &["TOKEN eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK"]);
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
        check(&format!("a {key} b"), &[&format!("PRIVATE_KEY {key}")]);
        check("-----BEGIN PRIVATE KEY-----\nMII", &["PRIVATE_KEY -----BEGIN PRIVATE KEY-----\nMII"]);
    }

    #[test]
    fn personal_data_is_found() {
        check("to ada.l+x@mail.example.org, now", &["EMAIL ada.l+x@mail.example.org"]);
        check("jürgen@example.de", &["EMAIL jürgen@example.de"]);
        check("user@host is no address, @ada neither", &[]);
        check("call +49 30 1234567 or (415) 555-2671", &["PHONE +49 30 1234567", "PHONE (415) 555-2671"]);
        check("in 2024, 1234567 of 12-34", &[]);
    }

    #[test]
    fn addresses_of_machines_are_found() {
        check("from 192.168.0.1:80", &["IP 192.168.0.1"]);
        check("at 2001:db8::8a2e:370:7334.", &["IP 2001:db8::8a2e:370:7334"]);
        check("std::fmt at 10:30:15", &[]);
    }
}
