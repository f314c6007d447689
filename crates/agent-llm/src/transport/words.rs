//! A string of the stream, which may begin or end in the middle of a character.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// A JSON string in WTF-8: UTF-8 in which an escape that is half a character (`\ud83e`, a
/// surrogate) stands as the three bytes it would have if it were one. Two of them may meet when
/// pieces are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(Vec<u8>);

impl Words {
    /// Reads what stands between the quotes of a valid JSON string. `None` if it has an escape of
    /// more than one letter. Most strings have none, and this is the faster way to read them.
    #[cfg(feature = "openai")]
    pub(crate) fn of_short_escapes(text: &str) -> Option<Self> {
        let mut words = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some(place) = memchr::memchr(b'\\', rest) {
            words.extend_from_slice(&rest[..place]);
            words.push(match rest.get(place + 1)? {
                letter @ (b'"' | b'\\' | b'/') => *letter,
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                _ => return None,
            });
            rest = &rest[place + 2..];
        }
        words.extend_from_slice(rest);
        Some(Self(words))
    }

    /// Puts what came before in front.
    pub(crate) fn after(self, before: Option<Self>) -> Self {
        match before {
            Some(Self(before)) => Self([before, self.0].concat()),
            None => self,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is white space at most.
    #[cfg(feature = "openai")]
    pub(crate) fn is_blank(&self) -> bool {
        self.0.trim_ascii().is_empty()
    }

    /// Whether it looks like a whole JSON object.
    #[cfg(feature = "openai")]
    pub(crate) fn is_object(&self) -> bool {
        matches!(self.0.trim_ascii(), [b'{', .., b'}'])
    }

    /// Takes off the end the half of a character whose other half may still come.
    pub(crate) fn split_half(&mut self) -> Option<Self> {
        let place = self.0.len().checked_sub(3)?;
        let is_half = matches!(self.0[place..], [0xED, 0xA0..=0xAF, _]);
        is_half.then(|| Self(self.0.split_off(place)))
    }

    /// The text. Halves that stand side by side are one character, others become `U+FFFD`.
    pub(crate) fn text(self) -> String {
        String::from_utf8(self.0).unwrap_or_else(|error| joined(error.as_bytes()))
    }
}

fn joined(mut rest: &[u8]) -> String {
    let mut units: Vec<u16> = Vec::new();
    while let Some(chunk) = rest.utf8_chunks().next() {
        units.extend(chunk.valid().encode_utf16());
        rest = &rest[chunk.valid().len()..];
        let [0xED, middle, last, after @ ..] = rest else { break };
        units.push(0xD000 | u16::from(middle & 0x3F) << 6 | u16::from(last & 0x3F));
        rest = after;
    }
    String::from_utf16_lossy(&units)
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Str;
        impl Visitor<'_> for Str {
            type Value = Words;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Words, E> {
                Ok(Words(bytes.to_vec()))
            }
        }
        // Only as bytes does serde_json read a string with half a character.
        deserializer.deserialize_bytes(Str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(json: &str) -> Words {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn halves_side_by_side_are_one_character_and_others_are_replaced() {
        let check = |json: &str, expected: &str| assert_eq!(words(json).text(), expected, "{json}");
        check(r#""""#, "");
        check(r#""é \u00e9 🦀 \ud83e\udd80\n""#, "é é 🦀 🦀\n");
        check(r#""a\ud83e""#, "a\u{fffd}");
        check(r#""\udd80b""#, "\u{fffd}b");
        check(r#""\udd80\ud83eé\ud83e\ud83e\udd80""#, "\u{fffd}\u{fffd}é\u{fffd}🦀");
        assert_eq!(words(r#""\udd80b""#).after(Some(words(r#""a\ud83e""#))).text(), "a🦀b");
    }

    #[test]
    fn only_a_first_half_at_the_end_waits_for_another() {
        let check = |json: &str, text: &str, waits: bool| {
            let mut words = words(json);
            assert_eq!(words.split_half().is_some(), waits, "{json}");
            assert_eq!(words.text(), text, "{json}");
        };
        check(r#""a\ud83e""#, "a", true);
        check(r#""\uD83E""#, "", true);
        check(r#""a\udd80""#, "a\u{fffd}", false);
        check(r#""a\ud83e ""#, "a\u{fffd} ", false);
        check(r#""\ud7ff""#, "\u{d7ff}", false);
        check(r#""é""#, "é", false);
    }

    #[cfg(feature = "openai")]
    #[test]
    fn a_string_with_short_escapes_is_read_as_any_other() {
        for text in ["", "é🦀", r#"\"\\\/\b\f\n\r\t"#, r#"{\"a\":\"\\n\"}\n"#, r"\\"] {
            assert_eq!(Words::of_short_escapes(text), Some(words(&format!("\"{text}\""))), "{text}");
        }
        for text in [r"a\u0041", r"\ud83e", "\\"] {
            assert_eq!(Words::of_short_escapes(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_string_is_an_error() {
        for json in ["1", "null", "[104,105]", "{}", r#""\x""#] {
            assert!(serde_json::from_str::<Words>(json).is_err(), "{json}");
        }
    }
}
