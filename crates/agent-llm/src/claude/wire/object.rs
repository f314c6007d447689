//! JSON that is put together from text that is JSON already, and from what is not yet.

use agent_core::Json;
use serde::Serialize;

/// An object that is written field by field to the end of a text.
pub(super) struct Object<'a> {
    text: &'a mut Vec<u8>,
    before: &'static [u8],
}

impl<'a> Object<'a> {
    pub(super) fn begin(text: &'a mut Vec<u8>) -> Self {
        Self { text, before: b"{" }
    }

    /// A field whose value `write` writes.
    pub(super) fn put(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.text.extend_from_slice(std::mem::replace(&mut self.before, b","));
        value(self.text, name);
        self.text.push(b':');
        write(self.text);
    }

    /// A field that is JSON already.
    pub(super) fn set_json(&mut self, name: &str, json: &Json) {
        self.put(name, |text| text.extend_from_slice(json.text().as_bytes()));
    }

    pub(super) fn set<T: Serialize + ?Sized>(&mut self, name: &str, of: &T) {
        self.put(name, |text| value(text, of));
    }

    pub(super) fn end(self) {
        let empty: &[u8] = if self.before == b"{" { b"{" } else { b"" };
        self.text.extend_from_slice(empty);
        self.text.push(b'}');
    }
}

/// A list, each item of which `write` writes.
pub(super) fn list<T>(
    text: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    text.push(b'[');
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        write(text, item);
    }
    text.push(b']');
}

fn value<T: Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).expect("what is sent is text, numbers and JSON, with texts as keys");
}
