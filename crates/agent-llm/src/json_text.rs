//! JSON that is put together from text that is JSON already, and from what is not yet.

use agent_core::Json;
use serde::Serialize;

/// An object that is written field by field to the end of a text.
pub(crate) struct Object<'a> {
    text: &'a mut Vec<u8>,
    before: &'static [u8],
}

impl<'a> Object<'a> {
    pub(crate) fn begin(text: &'a mut Vec<u8>) -> Self {
        Self { text, before: b"{" }
    }

    /// An object whose first fields are written already, without its end.
    pub(crate) fn go_on(text: &'a mut Vec<u8>) -> Self {
        Self { text, before: b"," }
    }

    /// A field whose value `write` writes.
    pub(crate) fn put(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.text.extend_from_slice(std::mem::replace(&mut self.before, b","));
        value(self.text, name);
        self.text.push(b':');
        write(self.text);
    }

    /// A field that is JSON already.
    pub(crate) fn set_json(&mut self, name: &str, of: &Json) {
        self.put(name, |text| json(text, of));
    }

    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, name: &str, of: &T) {
        self.put(name, |text| value(text, of));
    }

    pub(crate) fn end(self) {
        let empty: &[u8] = if self.before == b"{" { b"{" } else { b"" };
        self.text.extend_from_slice(empty);
        self.text.push(b'}');
    }
}

/// Text that is JSON already.
pub(crate) fn json(text: &mut Vec<u8>, json: &Json) {
    text.extend_from_slice(json.text().as_bytes());
}

/// A text of letters that JSON does not escape.
pub(crate) fn word(text: &mut Vec<u8>, word: &str) {
    text.push(b'"');
    text.extend_from_slice(word.as_bytes());
    text.push(b'"');
}

/// A list that is written item by item to the end of a text.
pub(crate) struct List<'a> {
    text: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> List<'a> {
    pub(crate) fn begin(text: &'a mut Vec<u8>) -> Self {
        text.push(b'[');
        Self { text, is_empty: true }
    }

    /// Where the next item is to be written.
    pub(crate) fn item(&mut self) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.text.push(b',');
        }
        self.text
    }

    /// Where the text ends now.
    #[cfg(feature = "openai")]
    pub(crate) fn place(&self) -> usize {
        self.text.len()
    }

    /// Where the next item will begin.
    #[cfg(feature = "openai")]
    pub(crate) fn next_place(&self) -> usize {
        self.text.len() + usize::from(!self.is_empty)
    }

    pub(crate) fn end(self) {
        self.text.push(b']');
    }
}

/// A list, each item of which `write` writes.
pub(crate) fn list<T>(
    text: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    let mut list = List::begin(text);
    items.into_iter().for_each(|item| write(list.item(), item));
    list.end();
}

/// Any value, by serde.
pub(crate) fn value<T: Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).expect("what is sent is text, numbers and JSON, with texts as keys");
}
