//! The words of a reply of chat completions.

use agent_core::Block;
use serde_json::value::RawValue;

use super::chunk::Message;
use crate::{
    openai::{
        fields::{Fields, list, string},
        openai_blocks,
    },
    transport::{
        block_order::{Grows, Lanes},
        words::Words,
    },
};

/// The blocks of words that grow.
#[derive(Debug, Default)]
pub(super) struct Said {
    text: Option<usize>,
    thinking: Option<usize>,
    has_refused: bool,
}

impl Said {
    /// Takes in the words of a message, or of a piece of one.
    pub(super) fn take_in(&mut self, message: &Message<'_>, lanes: &mut Lanes) {
        // Servers write a model's reasoning in one of two fields. Of several, the first counts.
        let fields = [("reasoning_content", message.reasoning_content), ("reasoning", message.reasoning)];
        let thought = fields.into_iter().filter_map(|(field, value)| Some((field, string(value?)?)));
        if let Some((field, words)) = { thought }.find(|(_, words)| !words.is_empty()) {
            self.think(field, words, lanes);
        }
        if let Some(content) = message.content {
            self.take_content(content, lanes);
        }
        if let Some(refusal) = message.refusal.and_then(string) {
            self.refuse(refusal, lanes);
        }
    }

    /// Whether the model says why it declines.
    pub(super) fn has_refused(&self) -> bool {
        self.has_refused
    }

    /// A text; or parts, as some servers write it.
    fn take_content(&mut self, content: &RawValue, lanes: &mut Lanes) {
        if let Some(words) = string(content) {
            return self.say(words, lanes);
        }
        items(content).into_iter().for_each(|part| self.take_part(part, lanes));
    }

    fn take_part(&mut self, part: &RawValue, lanes: &mut Lanes) {
        if let Some(words) = string(part) {
            return self.say(words, lanes);
        }
        let Ok(part) = Fields::of(part.get()) else { return };
        let words = |name: &str| part.get(name).and_then(string);
        if let Some(refusal) = words("refusal") {
            self.refuse(refusal, lanes);
        } else if let Some(text) = words("text") {
            self.say(text, lanes);
        } else if let Some(thinking) = part.get("thinking") {
            let text = |part: &RawValue| Fields::of(part.get()).ok()?.get("text").and_then(string);
            let texts = items(thinking).into_iter().filter_map(|part| string(part).or_else(|| text(part)));
            texts.for_each(|words| self.think("content", words, lanes));
        }
    }

    fn refuse(&mut self, refusal: Words, lanes: &mut Lanes) {
        self.has_refused |= !refusal.is_empty();
        self.say(refusal, lanes);
    }

    fn say(&mut self, words: Words, lanes: &mut Lanes) {
        grow(&mut self.text, words, lanes, || (Block::text(""), Grows::Text));
    }

    fn think(&mut self, field: &str, words: Words, lanes: &mut Lanes) {
        grow(&mut self.thinking, words, lanes, || (openai_blocks::thinking(field), Grows::Thinking));
    }
}

/// The items of a list; what is no list is the only item.
fn items(value: &RawValue) -> Vec<&RawValue> {
    if value.get().starts_with('[') { list(value) } else { vec![value] }
}

/// More of the block that grows, or of a new one if something else has begun since.
fn grow(block: &mut Option<usize>, words: Words, lanes: &mut Lanes, begun: impl FnOnce() -> (Block, Grows)) {
    if words.is_empty() {
        return;
    }
    let number = block.filter(|number| lanes.is_open(*number)).unwrap_or_else(|| {
        let (block, grows) = begun();
        lanes.begin(block, grows)
    });
    *block = Some(number);
    lanes.grow(number, words);
}
