//! Server-sent events: bytes in, events out, no IO.

use std::{collections::VecDeque, mem};

use agent_core::{LlmError, LlmErrorKind};
use memchr::memchr2;

/// The most bytes one event may have. The largest the API sends are blocks of a few MB.
const LONGEST: usize = 64 * 1024 * 1024;

/// One event of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its `event` field; empty when it has none.
    pub(crate) name: String,
    /// Its `data` lines, joined by line feeds.
    pub(crate) data: String,
}

/// Reads a stream of events in pieces that are cut anywhere. Each byte is looked at once.
/// Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The last byte was CR, so that an LF would belong to it.
    after_cr: bool,
    /// The first line, which may have a byte order mark, is over.
    begun: bool,
    name: Vec<u8>,
    data: Option<Vec<u8>>,
    ready: VecDeque<Event>,
}

impl Decoder {
    /// Takes in the next bytes. An error if an event has no end.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), LlmError> {
        while !bytes.is_empty() {
            if mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\r', b'\n', bytes) else {
                self.line.extend_from_slice(bytes);
                break;
            };
            self.after_cr = bytes[end] == b'\r';
            self.end_line(&bytes[..end]);
            bytes = &bytes[end + 1..];
        }
        let held = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
        match held > LONGEST {
            true => Err(LlmError::new(LlmErrorKind::Malformed, "an event of the stream has no end")),
            false => Ok(()),
        }
    }

    /// The next event that is whole.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// The event that the stream's end cut short of its blank line. The standard drops it; here the
    /// reader decides, since what it says may be whole.
    pub(crate) fn finish(mut self) -> Option<Event> {
        self.end_line(&[]);
        self.dispatch();
        self.next()
    }

    /// A line ended; `rest` is what of it is not in `self.line` yet.
    fn end_line(&mut self, rest: &[u8]) {
        if self.line.is_empty() {
            return self.read_line(rest);
        }
        let mut line = mem::take(&mut self.line);
        line.extend_from_slice(rest);
        self.read_line(&line);
        line.clear();
        self.line = line;
    }

    fn read_line(&mut self, mut line: &[u8]) {
        if !mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            b"event" => self.name = value.to_vec(),
            // Comments, `id`, `retry`, and what else there may be.
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let name = mem::take(&mut self.name);
        if let Some(data) = self.data.take() {
            self.ready.push_back(Event { name: text(name), data: text(data) });
        }
    }
}

/// The bytes as text; what is no UTF-8 becomes a replacement character, as the standard asks.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk).unwrap();
            events.extend(std::iter::from_fn(|| decoder.next()));
        }
        events.into_iter().map(|event| (event.name, event.data)).collect()
    }

    /// Reads the bytes whole, cut in two at every place, and byte by byte.
    fn check(bytes: &[u8], expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, data)| (name.to_string(), data.to_string())).collect();
        assert_eq!(read([bytes]), expected);
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(read([head, tail]), expected, "cut at byte {at}");
        }
        assert_eq!(read(bytes.chunks(1)), expected, "byte by byte");
    }

    #[test]
    fn fault_25_utf_8_cut_at_a_chunk_edge() {
        check("event: a\ndata: é – 漢字 🦀\n\ndata: ü\n\n".as_bytes(), &[("a", "é – 漢字 🦀"), ("", "ü")]);
    }

    #[test]
    fn fault_26_crlf_data_without_space_comments() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = ": hi\nevent:a\ndata:1\n:\n\nevent: b\n: in between\ndata:  2\nid: 7\nretry: 1\n\n";
            check(stream.replace('\n', end).as_bytes(), &[("a", "1"), ("b", " 2")]);
        }
    }

    #[test]
    fn line_ends_may_be_mixed() {
        check(
            b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\rdata: 4\n\r",
            &[("", "1"), ("", "2"), ("", "3"), ("", "4")],
        );
    }

    #[test]
    fn several_data_lines_are_one_text() {
        check(b"data: {\ndata:\ndata: }\n\ndata\n\n", &[("", "{\n\n}"), ("", "")]);
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_only_at_the_start() {
        check(
            "\u{feff}data: 1\n\n\u{feff}data: 2\n\ndata: \u{feff}3\n\n".as_bytes(),
            &[("", "1"), ("", "\u{feff}3")],
        );
    }

    #[test]
    fn an_event_without_data_is_none_and_its_name_is_forgotten() {
        check(b"\n\nevent: a\n\ndata: 1\n\nunknown: x\ndatum: y\n\n", &[("", "1")]);
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_replaced() {
        check(b"data: \xff\xc3\n\n", &[("", "\u{fffd}\u{fffd}")]);
    }

    #[test]
    fn a_missing_final_blank_line_leaves_the_event_to_the_reader() {
        let end = |bytes: &[u8]| {
            let mut decoder = Decoder::default();
            decoder.push(bytes).unwrap();
            assert_eq!(decoder.next(), None);
            decoder.finish()
        };
        let event = Some(Event { name: "a".to_owned(), data: "1".to_owned() });
        assert_eq!(end(b"event: a\ndata: 1"), event);
        assert_eq!(end(b"event: a\r\ndata: 1\r"), event);
        assert_eq!(end(b"event: a\n"), None);
        assert_eq!(end(b""), None);
    }

    #[test]
    fn an_event_without_end_is_an_error() {
        let mut decoder = Decoder::default();
        let megabyte = vec![b'x'; 1024 * 1024];
        let error = (0..100).find_map(|_| decoder.push(&megabyte).err()).unwrap();
        assert_eq!(error.kind, LlmErrorKind::Malformed);
    }
}
