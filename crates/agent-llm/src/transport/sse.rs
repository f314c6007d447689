//! Server-sent events: bytes in, events out, no IO.

use std::{borrow::Cow, mem, ops::Range};

use agent_core::{LlmError, model::LlmErrorKind};
use memchr::memchr2;
use serde::Deserialize;

/// The most bytes one event may have. The largest the API sends are blocks of a few MB.
const LONGEST: usize = 16 * 1024 * 1024;

/// The most characters of an event that an error quotes.
const EXCERPT: usize = 300;

/// The most bytes of lines that are no event's.
const LONGEST_STRAY: usize = 64 * 1024;

/// One server-sent event. Usually it borrows the decoder's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field. Empty if the event has none.
    pub name: Cow<'a, str>,
    /// The `data` lines, joined by line feeds. Empty if the event has none.
    pub data: Cow<'a, str>,
}

impl Event<'_> {
    /// The data as JSON. The error quotes the beginning of data that can't be read.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, LlmError> {
        serde_json::from_str(&self.data).map_err(|error| {
            let quoted: String = self.data.chars().take(EXCERPT).collect();
            let message = format!("the event {:?} can't be read: {error}: {quoted}", self.name);
            LlmError::new(LlmErrorKind::Malformed, message)
        })
    }
}

/// Decodes a stream of server-sent events. [Push](Self::push) the bytes as they come and take the
/// events with [`next_event`](Self::next_event).
///
/// - The bytes may be cut anywhere, also in the middle of a character or of a line ending.
/// - A line ends with LF, CR or both. Several `data` lines are joined. A byte order mark, comments,
///   ids and retry times are ignored. Bytes that are not UTF-8 are replaced by `U+FFFD`.
/// - An event that has no end within 16 MiB is an error; see [`push`](Self::push).
/// - An event without data is ignored, as the standard requires, unless its name is `error`.
///
/// Each byte is copied once and looked at once. Source:
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
///
/// ```
/// use agent_llm::transport::sse::Decoder;
///
/// let stream = "event: word\ndata: café\n\n: a comment\n\ndata: [DONE]\n\n";
/// let mut decoder = Decoder::default();
/// let mut events = Vec::new();
/// for chunk in stream.as_bytes().chunks(5) {
///     decoder.push(chunk)?;
///     while let Some(event) = decoder.next_event() {
///         events.push(format!("{}: {}", event.name, event.data));
///     }
/// }
/// assert_eq!(events, ["word: café", ": [DONE]"]);
/// # Ok::<(), agent_llm::LlmError>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Where the event begins that is not whole yet.
    event: usize,
    /// Where the line begins that is read next.
    line: usize,
    /// Up to where there is no end of that line.
    looked: usize,
    /// The last line ended with CR, so that an LF would belong to it.
    after_cr: bool,
    /// The first line, which may have a byte order mark, is over.
    begun: bool,
    /// Where the event's name is.
    name: Range<usize>,
    data: Option<Data>,
    /// The first lines that are none of an event: what was said by somebody who does not stream.
    stray: Vec<u8>,
}

#[derive(Debug)]
enum Data {
    /// Of one line, which is here.
    Line(Range<usize>),
    /// Of several.
    Lines(Vec<u8>),
}

impl Data {
    /// How many bytes it holds besides those that came.
    fn len(&self) -> usize {
        match self {
            Self::Line(_) => 0,
            Self::Lines(lines) => lines.len(),
        }
    }
}

impl Decoder {
    /// Adds the next bytes. Before you push again, take all events with
    /// [`next_event`](Self::next_event). Fails with [`TooLong`](LlmErrorKind::TooLong) if more than
    /// 16 MiB from earlier pushes have not become an event.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LlmError> {
        let data = self.data.as_ref().map_or(0, Data::len);
        if self.bytes.len() - self.event + data > LONGEST {
            let message = format!("an event of the stream has no end within {LONGEST} bytes");
            return Err(LlmError::new(LlmErrorKind::TooLong, message));
        }
        self.drop_read();
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Tells the decoder that there are no more bytes. After this, [`next_event`](Self::next_event)
    /// also returns a last event without a blank line after it. The standard drops such an event,
    /// but its data may be complete, so you decide whether to use it.
    pub fn end(&mut self) {
        self.bytes.extend_from_slice(b"\n\n");
    }

    /// Takes the next complete event. `None` if more bytes are needed first: push them and call
    /// this again.
    pub fn next_event(&mut self) -> Option<Event<'_>> {
        let (name, data) = loop {
            let line = self.next_line()?;
            if let Some(found) = self.read_line(line) {
                break found;
            }
        };
        let data = match data {
            Data::Line(place) => text(&self.bytes[place]),
            Data::Lines(bytes) => text(&bytes).into_owned().into(),
        };
        Some(Event { name: text(&self.bytes[name]), data })
    }

    /// The lines that belong to no event, at most 64 KiB. If the server sent something else than an
    /// event stream, such as an error page, this is its text.
    pub fn stray(&self) -> Cow<'_, str> {
        text(&self.stray)
    }

    /// The place of the next line that has ended, without its end.
    fn next_line(&mut self) -> Option<Range<usize>> {
        if self.after_cr && self.line < self.bytes.len() {
            self.after_cr = false;
            if self.bytes[self.line] == b'\n' {
                self.line += 1;
                self.looked = self.line;
            }
        }
        let Some(found) = memchr2(b'\r', b'\n', &self.bytes[self.looked..]) else {
            self.looked = self.bytes.len();
            return None;
        };
        let end = self.looked + found;
        self.after_cr = self.bytes[end] == b'\r';
        let line = self.line..end;
        (self.line, self.looked) = (end + 1, end + 1);
        Some(line)
    }

    /// Takes in a line; with a blank one, gives where the event's name and data are, if it has
    /// data.
    fn read_line(&mut self, mut line: Range<usize>) -> Option<(Range<usize>, Data)> {
        let is_first = !mem::replace(&mut self.begun, true);
        if is_first && self.bytes[line.clone()].starts_with(b"\xEF\xBB\xBF") {
            line.start += 3;
        }
        if line.is_empty() {
            let name = mem::take(&mut self.name);
            self.event = self.line;
            // The standard drops an event without data. As the official clients have it, an error
            // is none of those.
            let is_error = &self.bytes[name.clone()] == b"error";
            let nothing = is_error.then_some(Data::Line(name.start..name.start));
            return self.data.take().or(nothing).map(|data| (name, data));
        }
        let bytes = &self.bytes[line.clone()];
        let field = bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len());
        let mut value = line.end.min(line.start + field + 1)..line.end;
        if self.bytes[value.clone()].starts_with(b" ") {
            value.start += 1;
        }
        match &bytes[..field] {
            b"data" => self.add(value),
            b"event" => self.name = value,
            // The first is a comment.
            b"" | b"id" | b"retry" => {}
            // As servers of llama.cpp write it.
            b"error" => {
                self.name = line.start..line.start + field;
                self.add(value);
            }
            _ => self.keep_stray(line),
        }
        None
    }

    /// Keeps a line that is no event's, if there is room for it; blanks in front of all have none.
    fn keep_stray(&mut self, line: Range<usize>) {
        let bytes = &self.bytes[line];
        let bytes = if self.stray.is_empty() { bytes.trim_ascii_start() } else { bytes };
        let room = LONGEST_STRAY.saturating_sub(self.stray.len());
        if !bytes.is_empty() && room > 0 {
            self.stray.extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.stray.push(b'\n');
        }
    }

    fn add(&mut self, line: Range<usize>) {
        self.data = Some(match self.data.take() {
            None => Data::Line(line),
            Some(Data::Line(first)) => Data::Lines([&self.bytes[first], b"\n", &self.bytes[line]].concat()),
            Some(Data::Lines(mut lines)) => {
                lines.push(b'\n');
                lines.extend_from_slice(&self.bytes[line]);
                Data::Lines(lines)
            }
        });
    }

    /// Drops what was read, so that only an event that is not whole is kept.
    fn drop_read(&mut self) {
        let read = mem::take(&mut self.event);
        if read == 0 {
            return;
        }
        self.bytes.drain(..read);
        let back = |place: &mut Range<usize>| {
            *place = place.start.saturating_sub(read)..place.end.saturating_sub(read)
        };
        back(&mut self.name);
        if let Some(Data::Line(line)) = &mut self.data {
            back(line);
        }
        (self.line, self.looked) = (self.line - read, self.looked - read);
    }
}

/// The bytes as text; what is no UTF-8 becomes a replacement character, as the standard asks.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    // The check alone is much faster than the search for what must be replaced.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk).unwrap();
            while let Some(Event { name, data }) = decoder.next_event() {
                events.push((name.into_owned(), data.into_owned()));
            }
        }
        events
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
    fn field_58_an_error_without_data_is_an_event_and_lines_of_no_event_are_kept() {
        check(b"event: error\n\ndata: 1\n\n", &[("error", ""), ("", "1")]);
        let mut decoder = Decoder::default();
        decoder.push(b": hi\nid: 1\n{\n  \"error\": \"down\"\n}\n\n").unwrap();
        assert_eq!(decoder.next_event(), None);
        assert_eq!(decoder.stray(), "{\n  \"error\": \"down\"\n}\n");
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
            assert_eq!(decoder.next_event(), None);
            decoder.end();
            decoder.next_event().map(|Event { name, data }| format!("{name}: {data}"))
        };
        let event = Some("a: 1".to_owned());
        assert_eq!(end(b"event: a\ndata: 1"), event);
        assert_eq!(end(b"event: a\r\ndata: 1\r"), event);
        assert_eq!(end(b"event: a\n"), None);
        assert_eq!(end(b""), None);
    }

    #[test]
    fn an_event_without_end_is_an_error() {
        let mut decoder = Decoder::default();
        let megabyte = vec![b'x'; 1024 * 1024];
        let taken = (0..100).take_while(|_| decoder.push(&megabyte).is_ok()).count();
        assert_eq!(taken, 17);
        let error = decoder.push(&megabyte).unwrap_err();
        assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::TooLong, false));
    }
}
