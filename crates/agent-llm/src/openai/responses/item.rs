//! An item of a reply of the Responses API.

use std::collections::BTreeMap;

use agent_core::{Block, Json};
use serde_json::value::RawValue;

use crate::openai::{
    fields::{Fields, input, list, string},
    openai_blocks::{self, Others},
};
use crate::transport::{
    block_order::{Grows, Lanes},
    words::Words,
};

/// An item, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// Its type, as far as that is known.
    pub(super) kind: String,
    /// The id that its result refers to, if it is a call.
    pub(super) call_id: Option<String>,
    /// The arguments that it began with. They count if no others come.
    pub(super) begun: Option<Words>,
    /// The blocks of its parts.
    pub(super) parts: BTreeMap<u64, usize>,
    pub(super) call: Option<usize>,
    thinking: Option<usize>,
    /// The part of the reasoning that was said last.
    thought: Option<(&'static str, u64)>,
    /// It was said what it is.
    is_known: bool,
    pub(super) is_done: bool,
}

/// What the items of a reply hold, as far as its end depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holds {
    pub(super) calls: bool,
    pub(super) refusal: bool,
    /// The type of an item that asks the program to do what it can't.
    pub(super) asks: Option<&'static str>,
}

/// What an event says about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// It begins.
    Begin,
    /// There is more of it.
    More,
    /// It is whole.
    End,
}

/// Types of items.
pub(super) const MESSAGE: &str = "message";
pub(super) const CALL: &str = "function_call";
pub(super) const REASONING: &str = "reasoning";

pub(super) fn begin_call(fields: &Fields<'_>, lanes: &mut Lanes) -> usize {
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
    /// An item of this type, of which nothing else is known.
    pub(super) fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// What the item says that it is.
    pub(super) fn is(&mut self, item: &Fields<'_>) {
        self.is_known = true;
        self.kind = item.text("type").unwrap_or_default();
        self.call_id = item.label("call_id");
    }

    /// Whether an item that is said to stand in this one's place is another.
    pub(super) fn is_another(&self, item: &Fields<'_>, about: About) -> bool {
        let calls = (self.call_id.as_ref(), item.label("call_id"));
        match about {
            About::Begin => self.is_known,
            About::More => false,
            About::End if !self.is_done => false,
            About::End => match calls {
                (Some(own), Some(other)) => *own != other,
                _ => item.label("id").is_some(),
            },
        }
    }

    pub(super) fn say(&mut self, part: u64, words: Words, lanes: &mut Lanes) {
        if words.is_empty() {
            return;
        }
        let open = self.parts.get(&part).copied().filter(|block| lanes.is_open(*block));
        let block = open.unwrap_or_else(|| lanes.begin(Block::text(""), Grows::Text));
        self.parts.insert(part, block);
        lanes.grow(block, words);
    }

    pub(super) fn think(&mut self, part: (&'static str, u64), words: Words, lanes: &mut Lanes) {
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
    pub(super) fn end_message(&mut self, message: &Fields<'_>, holds: &mut Holds, lanes: &mut Lanes) {
        let content = message.get("content");
        let parts = content.map(list).unwrap_or_default();
        if let Some(words) = content.and_then(string).filter(|_| self.parts.is_empty()) {
            self.say(0, words, lanes);
        }
        let mut of_parts = Vec::new();
        for (place, part) in (0..).zip(parts) {
            let Ok(part) = Fields::of(part.get()) else { continue };
            let refusal = part.get("refusal").and_then(string).filter(|refusal| !refusal.is_empty());
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

    pub(super) fn end_call(&mut self, call: &Fields<'_>, lanes: &mut Lanes) {
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
            call.get("arguments").and_then(input).into_iter().for_each(|words| lanes.grow(block, words));
        }
        let others: Others =
            call.others(|name| matches!(name, "type" | "id" | "call_id" | "name" | "arguments" | "status"));
        openai_blocks::call(&others).into_iter().for_each(|others| lanes.put_behind(block, others));
        lanes.end(block);
    }

    /// What can be read of it is shown; what goes back stands behind that, as it came.
    pub(super) fn end_reasoning(&mut self, reasoning: &Fields<'_>, item: &RawValue, lanes: &mut Lanes) {
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
