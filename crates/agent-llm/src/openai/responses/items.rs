//! The items of a reply of the Responses API, streamed or not.

use std::collections::BTreeMap;

use agent_core::{Block, Json};
use serde_json::value::RawValue;

use crate::openai::{
    fields::{Fields, list, string},
    openai_blocks::{self, Others},
};
use crate::transport::{
    block_order::{Grows, Lanes},
    words::Words,
};

/// What the items of a reply hold, as far as its end depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holds {
    pub(super) calls: bool,
    pub(super) refusal: bool,
}

/// The items of a reply, by their places in it. Each is read piece by piece, and once more when it
/// is whole: then only that counts which no piece has said.
#[derive(Debug, Default)]
pub(super) struct Items {
    items: BTreeMap<u64, Item>,
    by_id: BTreeMap<String, u64>,
    pub(super) holds: Holds,
}

#[derive(Debug, Default)]
struct Item {
    /// The blocks of its parts.
    parts: BTreeMap<u64, usize>,
    call: Option<usize>,
    thinking: Option<usize>,
    /// The part of the reasoning that was said last.
    thought: Option<(&'static str, u64)>,
    is_done: bool,
}

impl Items {
    /// The place of the item that an event is about. Some servers say only its id, or nothing.
    pub(super) fn place(&self, event: &Fields<'_>, begins: bool) -> u64 {
        let by_id = || self.by_id.get(&event.label("item_id")?).copied();
        let last = || self.items.last_key_value().map(|(place, _)| *place);
        let next = || last().map_or(0, |last| last + u64::from(begins));
        event.number("output_index").or_else(by_id).unwrap_or_else(next)
    }

    /// An item begins.
    pub(super) fn begin(&mut self, place: u64, item: &Fields<'_>, lanes: &mut Lanes) {
        if let Some(id) = item.label("id") {
            self.by_id.insert(id, place);
        }
        let is_call = item.word("type").as_deref() == Some("function_call");
        self.holds.calls |= is_call;
        let begun = self.items.entry(place).or_default();
        if is_call && begun.call.is_none() {
            begun.call = Some(begin_call(item, lanes));
        }
    }

    /// More words of a part of a message.
    pub(super) fn say(&mut self, place: u64, part: u64, words: Words, lanes: &mut Lanes) {
        self.items.entry(place).or_default().say(part, words, lanes);
    }

    /// The same of a part that says why the model declines.
    pub(super) fn refuse(&mut self, place: u64, part: u64, words: Words, lanes: &mut Lanes) {
        self.holds.refusal = true;
        self.say(place, part, words, lanes);
    }

    /// More of the input of a call.
    pub(super) fn call(&mut self, place: u64, words: Words, lanes: &mut Lanes) {
        if let Some(call) = self.items.get(&place).and_then(|item| item.call) {
            lanes.grow(call, words);
        }
    }

    /// More of the reasoning that may be read: of a summary, or of the reasoning itself.
    pub(super) fn think(&mut self, place: u64, part: (&'static str, u64), words: Words, lanes: &mut Lanes) {
        self.items.entry(place).or_default().think(part, words, lanes);
    }

    /// An item is whole.
    pub(super) fn end(&mut self, place: u64, item: &RawValue, lanes: &mut Lanes) -> serde_json::Result<()> {
        if self.items.get(&place).is_some_and(|begun| begun.is_done) {
            return Ok(());
        }
        let fields = Fields::of(item.get())?;
        let begun = self.items.entry(place).or_default();
        begun.is_done = true;
        match fields.word("type").as_deref() {
            Some("message") => begun.end_message(&fields, &mut self.holds, lanes),
            Some("function_call") => {
                self.holds.calls = true;
                begun.end_call(&fields, lanes);
            }
            Some("reasoning") => begun.end_reasoning(&fields, item, lanes),
            _ => {
                lanes.begin(openai_blocks::item(&Json::from(item)), Grows::Nothing);
            }
        }
        Ok(())
    }
}

fn begin_call(fields: &Fields<'_>, lanes: &mut Lanes) -> usize {
    let id = fields.label("call_id").or_else(|| fields.label("id")).unwrap_or_default();
    lanes.begin_call(id, fields.text("name").unwrap_or_default())
}

/// What the parts of a message say besides their words: of one part, its fields, and of several, a
/// list.
fn joined(mut parts: Vec<Others>) -> Others {
    match parts.as_slice() {
        [_] => parts.remove(0),
        parts if parts.iter().all(Others::is_empty) => Others::new(),
        parts => {
            let parts = Json::of(parts).expect("fields are JSON");
            Others::from([("parts".to_owned(), parts)])
        }
    }
}

impl Item {
    fn say(&mut self, part: u64, words: Words, lanes: &mut Lanes) {
        if words.is_empty() {
            return;
        }
        let open = self.parts.get(&part).copied().filter(|block| lanes.is_open(*block));
        let block = open.unwrap_or_else(|| lanes.begin(Block::text(""), Grows::Text));
        self.parts.insert(part, block);
        lanes.grow(block, words);
    }

    fn think(&mut self, part: (&'static str, u64), words: Words, lanes: &mut Lanes) {
        if words.is_empty() {
            return;
        }
        let open = self.thinking.filter(|block| lanes.is_open(*block));
        let block = open.unwrap_or_else(|| lanes.begin(openai_blocks::summary(), Grows::Thinking));
        let goes_on = self.thought.is_none_or(|thought| thought == part);
        (self.thinking, self.thought) = (Some(block), Some(part));
        if !goes_on {
            lanes.grow(block, Words::from("\n\n"));
        }
        lanes.grow(block, words);
    }

    /// What the message says besides its words stands behind the last of them.
    fn end_message(&mut self, message: &Fields<'_>, holds: &mut Holds, lanes: &mut Lanes) {
        let parts = message.get("content").map(list).unwrap_or_default();
        let mut of_parts = Vec::new();
        for (place, part) in (0..).zip(parts) {
            let Ok(part) = Fields::of(part.get()) else { continue };
            let refusal = part.get("refusal").and_then(string);
            holds.refusal |= refusal.is_some();
            of_parts.push(part.others(|name| matches!(name, "type" | "text" | "refusal")));
            if !self.parts.contains_key(&place) {
                self.say(place, part.get("text").and_then(string).or(refusal).unwrap_or_default(), lanes);
            }
        }
        let Some((_, block)) = self.parts.last_key_value() else { return };
        let mut others = message.others(|name| matches!(name, "type" | "id" | "role" | "content" | "status"));
        others.extend(joined(of_parts));
        openai_blocks::text(others).into_iter().for_each(|others| lanes.put_behind(*block, others));
        self.parts.values().for_each(|block| lanes.end(*block));
    }

    fn end_call(&mut self, call: &Fields<'_>, lanes: &mut Lanes) {
        let block = match self.call {
            Some(block) => {
                let id = call.label("call_id").unwrap_or_default();
                lanes.name(block, &id, &call.text("name").unwrap_or_default());
                block
            }
            // It comes in one piece.
            None => begin_call(call, lanes),
        };
        if !lanes.has_said(block) {
            call.get("arguments").and_then(string).into_iter().for_each(|words| lanes.grow(block, words));
        }
        let others: Others =
            call.others(|name| matches!(name, "type" | "id" | "call_id" | "name" | "arguments" | "status"));
        openai_blocks::call(&others).into_iter().for_each(|others| lanes.put_behind(block, others));
        lanes.end(block);
    }

    /// What can be read of it is shown; what goes back stands behind that, as it came.
    fn end_reasoning(&mut self, reasoning: &Fields<'_>, item: &RawValue, lanes: &mut Lanes) {
        if self.thinking.is_none() {
            for name in ["summary", "content"] {
                let parts = reasoning.get(name).map(list).unwrap_or_default();
                for (place, part) in (0..).zip(parts) {
                    let words =
                        Fields::of(part.get()).ok().and_then(|part| part.get("text").and_then(string));
                    self.think((name, place), words.unwrap_or_default(), lanes);
                }
            }
        }
        let block = openai_blocks::item(&Json::from(item));
        match self.thinking.take() {
            Some(thinking) => {
                lanes.put_behind(thinking, block);
                lanes.end(thinking);
            }
            None => {
                lanes.begin(block, Grows::Nothing);
            }
        }
    }
}
