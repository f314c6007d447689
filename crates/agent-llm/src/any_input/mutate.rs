//! Changes of an input, some blind and some that know JSON and lines.

use std::ops::Range;

use proptest::{collection::vec, prelude::*};

/// What is put in the place of a JSON value.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e999",
    "18446744073709551616",
    "\"\"",
    "\" \\n\"",
    "\"é🦀\"",
    "\"\\ud83e\"",
    "\"\\udd80\"",
    "\"\\u0000\"",
    "[]",
    "[1]",
    "{}",
    "{\"type\":\"text\",\"text\":\"t\"}",
    "{\"a\":1,\"a\":2}",
    "\"text\"",
    "\"tool_use\"",
    "\"tool_result\"",
    "\"thinking\"",
    "\"text_delta\"",
    "\"input_json_delta\"",
    "\"content_block_delta\"",
    "\"message_stop\"",
    "\"error\"",
    "\"end_turn\"",
    "\"pause_turn\"",
    "\"assistant\"",
    "\"user\"",
    "\"a\"",
    "\"b\"",
];

/// What is put in anywhere.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n\n",
    b"\r",
    b"\n",
    b"data: ",
    b"event: ",
    b": ",
    b"\\ud83e",
    b"\\udd80",
    b"\\u",
    b"\xED\xA0\x80",
    b"\xff",
    b"\xF0\x9F",
    b"\0",
    b"\"type\":",
    b"\"index\":0,",
    b"9",
    b"-",
    b"e",
    b".",
    b" ",
];

/// One change; the numbers say where and what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    what: u8,
    at: u16,
    more: u16,
}

/// A few changes.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = any::<(u8, u16, u16)>().prop_map(|(what, at, more)| Change { what, at, more });
    vec(change, 0..6)
}

/// An input of these, changed.
pub(crate) fn changed(inputs: &[&str], changes: &[Change]) -> Vec<u8> {
    let chosen = changes.first().map_or(0, |change| usize::from(change.at ^ change.more));
    let mut bytes = inputs[chosen % inputs.len()].as_bytes().to_vec();
    for change in changes {
        change.apply(&mut bytes, inputs);
    }
    bytes
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>, inputs: &[&str]) {
        let at = usize::from(self.at) * (bytes.len() + 1) / 0x1_0000;
        let more = usize::from(self.more);
        let piece = PIECES[more % PIECES.len()];
        // As much again, up to 64 bytes.
        let span = at..(at + more % 64).min(bytes.len());
        match self.what % 10 {
            0 => put(bytes, at..at, piece),
            1 => put(bytes, span, b""),
            2 => put(bytes, span, piece),
            3 => {
                let copy = bytes[span].to_vec();
                put(bytes, at..at, &copy);
            }
            4 => bytes.truncate(at),
            5 => {
                let other = inputs[more % inputs.len()].as_bytes();
                put(bytes, at..at, &other[more % (other.len() + 1)..]);
            }
            6 => {
                let depth = more % 300;
                put(bytes, at..at, &["[".repeat(depth), "]".repeat(depth)].concat().into_bytes());
            }
            7 => {
                let line = line(bytes, at);
                let copy = bytes[line.clone()].to_vec();
                put(
                    bytes,
                    if more % 2 == 0 { line } else { at..at },
                    if more % 2 == 0 { b"" } else { &copy },
                );
            }
            _ => {
                if let Some(value) = value(bytes, at) {
                    put(bytes, value, VALUES[more % VALUES.len()].as_bytes());
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, place: Range<usize>, piece: &[u8]) {
    bytes.splice(place, piece.iter().copied());
}

/// The line around this place, with its end.
fn line(bytes: &[u8], at: usize) -> Range<usize> {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end + 1);
    start..end
}

/// The JSON value of the first field behind this place, if all is JSON there.
fn value(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + bytes[at..].iter().position(|byte| *byte == b':')? + 1;
    let mut values =
        serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    Some(start..start + values.byte_offset())
}
