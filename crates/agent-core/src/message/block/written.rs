//! Writes blocks as JSON.

use serde::Serialize;

use crate::{Block, Content, Json};

/// A block that is being written, field by field. All calls and all results are written so. Serde
/// would parse JSON that a field has, such as the input of a call, again before it writes it.
pub(super) struct Written(Vec<u8>);

impl Written {
    /// A block of this type, which is a word without escapes. `size` is the length of its longest
    /// field.
    pub(super) fn of(kind: &'static str, size: usize) -> Self {
        let mut text = Vec::with_capacity(size + size / 8 + 96);
        text.extend_from_slice(br#"{"type":""#);
        text.extend_from_slice(kind.as_bytes());
        text.push(b'"');
        Self(text)
    }

    /// Adds a field. Its name has no escapes.
    pub(super) fn set<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        self.begin(name);
        serde_json::to_writer(&mut self.0, value).expect("strings and numbers can always be written");
        self
    }

    /// Adds a field that is JSON already.
    pub(super) fn set_json(mut self, name: &'static str, json: &Json) -> Self {
        self.begin(name);
        self.0.extend_from_slice(json.text().as_bytes());
        self
    }

    /// Adds the content of a result.
    pub(super) fn set_content(mut self, content: &Content) -> Self {
        let blocks = match content {
            Content::Text(text) => {
                self.0.reserve(text.len() + text.len() / 8 + 32);
                return self.set("content", text);
            }
            Content::Blocks(blocks) => blocks,
        };
        self.begin("content");
        let mut before = b'[';
        for block in blocks.iter().map(Block::json) {
            self.0.push(before);
            self.0.extend_from_slice(block.text().as_bytes());
            before = b',';
        }
        self.0.extend_from_slice(if blocks.is_empty() { b"[]" } else { b"]" });
        self
    }

    /// The whole block.
    pub(super) fn json(mut self) -> Json {
        self.0.push(b'}');
        Json::written(self.0)
    }

    fn begin(&mut self, name: &'static str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}
