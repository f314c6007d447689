//! Server-sent events.

use std::{mem, time::Duration};

use hyper::body::Bytes;
use serde::Serialize;

/// The events of a reply while they are written. They share one text.
#[derive(Default)]
pub(crate) struct EventStream {
    text: Vec<u8>,
    /// The pause before each event, and where the event ends.
    ends: Vec<(Duration, usize)>,
    /// The pause before the next event.
    pause: Duration,
}

impl EventStream {
    /// The next event comes after this pause.
    pub(crate) fn pause(&mut self, pause: Duration) {
        self.pause += pause;
    }

    /// Writes an event. An empty name is left out.
    pub(crate) fn push<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) {
        write_event(name, &mut self.text, |to| {
            serde_json::to_writer(to, data).expect("it has string keys only, and a Vec takes all bytes");
        });
        self.ends.push((mem::take(&mut self.pause), self.text.len()));
    }

    /// Writes an event without a name whose data is this text.
    pub(crate) fn push_text(&mut self, data: &str) {
        self.text.extend_from_slice(&event("", data));
        self.ends.push((mem::take(&mut self.pause), self.text.len()));
    }

    /// The number of events so far.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The events, each with the pause before it.
    pub(crate) fn finish(self) -> Vec<(Duration, Bytes)> {
        let text = Bytes::from(self.text);
        let mut start = 0;
        let slice = |(pause, end)| (pause, text.slice(mem::replace(&mut start, end)..end));
        self.ends.into_iter().map(slice).collect()
    }
}

/// An event with this name and data. An empty name is left out.
pub(crate) fn event(name: &str, data: &str) -> Bytes {
    let mut text = Vec::new();
    write_event(name, &mut text, |to| to.extend_from_slice(data.as_bytes()));
    text.into()
}

fn write_event(name: &str, to: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>)) {
    if !name.is_empty() {
        to.extend_from_slice(b"event: ");
        to.extend_from_slice(name.as_bytes());
        to.push(b'\n');
    }
    to.extend_from_slice(b"data: ");
    let start = to.len();
    data(to);
    // Blocks are sent as the scenario has them. A line break would end the event's data, and in
    // JSON it means the same as a space.
    to[start..].iter_mut().filter(|byte| b"\r\n".contains(byte)).for_each(|byte| *byte = b' ');
    to.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use agent_core::Json;

    use super::*;

    #[test]
    fn an_event_is_two_lines_however_its_block_was_written() {
        let block = Json::read("{\"type\":\r\n\"holo\",\"z\":\"a\\nb\"}").unwrap();
        let mut events = EventStream::default();
        events.push("content_block_start", &block);
        events.push("", &[1]);
        events.push_text("[DONE]");
        let text: Vec<u8> = events.finish().into_iter().flat_map(|(_, bytes)| bytes).collect();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
        event: content_block_start
        data: {"type":  "holo","z":"a\nb"}

        data: [1]

        data: [DONE]
        "#);
    }
}
