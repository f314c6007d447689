//! The items of a reply of the Responses API, streamed or not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent_core::Json;
use serde_json::value::RawValue;

use super::item::{About, CALL, Holds, Item, MESSAGE, REASONING, begin_call};
use crate::openai::{
    fields::{Fields, input},
    openai_blocks,
};
use crate::transport::{
    block_order::{Grows, Lanes},
    words::Words,
};

/// The items of a reply, by their places in it. Each is read piece by piece, and once more when it
/// is whole: then only that counts which no piece has said.
///
/// An item has a place in the reply and an id. Some servers leave out one of them, or give several
/// items the same place, or leave out places, or write another id in each event.
#[derive(Debug, Default)]
pub(super) struct Items {
    items: BTreeMap<u64, Item>,
    by_id: BTreeMap<String, u64>,
    /// The places of items that were said to stand where another one stands.
    moved: BTreeMap<u64, u64>,
    pub(super) holds: Holds,
}

/// How far an item is from the place where it was said to stand, if one of another type stands
/// there.
const APART: u64 = 1 << 40;

impl Items {
    /// The place of the item that an event is about. `item` is the item, if the event has it.
    pub(super) fn place(&mut self, event: &Fields<'_>, item: Option<&Fields<'_>>, is: About) -> u64 {
        let id = event.word("item_id").or_else(|| item?.word("id")).filter(|id| !id.is_empty());
        if let Some(place) = id.as_ref().and_then(|id| self.by_id.get(&**id)) {
            return *place;
        }
        let last = self.items.last_key_value().map(|(place, _)| *place);
        let next = last.map_or(0, |last| last + 1);
        let index = event.number("output_index").filter(|index| *index < APART);
        let said = index.map(|index| self.moved.get(&index).copied().unwrap_or(index));
        let unsaid = || if is == About::Begin { next } else { last.unwrap_or(0) };
        let place = said.unwrap_or_else(unsaid);
        let known = self.items.get(&place);
        let is_taken = known.zip(item).is_some_and(|(known, item)| known.is_another(item, is));
        let place = if is_taken { next } else { place };
        if let Some(index) = index.filter(|_| is_taken) {
            self.moved.insert(index, place);
        }
        // Not each id of a server that writes another one in each event.
        if let Some(id) = id.filter(|_| is != About::More || is_taken || known.is_none()) {
            self.by_id.insert(id.into_owned(), place);
        }
        place
    }

    /// An item begins.
    pub(super) fn begin(&mut self, place: u64, item: &Fields<'_>, lanes: &mut Lanes) {
        let begun = self.items.entry(place).or_default();
        begun.is(item);
        let is_call = begun.kind == CALL;
        self.holds.calls |= is_call;
        if is_call && begun.call.is_none() {
            begun.call = Some(begin_call(item, lanes));
            begun.begun = item.get("arguments").and_then(input);
        }
    }

    /// More words of a part of a message.
    pub(super) fn say(&mut self, place: u64, part: u64, words: Words, lanes: &mut Lanes) {
        self.like(place, MESSAGE).say(part, words, lanes);
    }

    /// The same of a part that says why the model declines.
    pub(super) fn refuse(&mut self, place: u64, part: u64, words: Words, lanes: &mut Lanes) {
        self.holds.refusal = true;
        self.say(place, part, words, lanes);
    }

    /// A part of a message in one piece, which counts if no piece of it came.
    pub(super) fn said(&mut self, place: u64, part: u64, words: Words, lanes: &mut Lanes) {
        let item = self.like(place, MESSAGE);
        if !item.parts.contains_key(&part) {
            item.say(part, words, lanes);
        }
    }

    /// More of the input of a call.
    pub(super) fn call(&mut self, place: u64, words: Words, lanes: &mut Lanes) {
        if let Some(call) = self.items.get(&place).and_then(|item| item.call) {
            lanes.grow(call, words);
        }
    }

    /// The input of a call in one piece, which counts if no piece of it came.
    pub(super) fn called(&mut self, place: u64, words: Words, lanes: &mut Lanes) {
        if let Some(call) = self.items.get(&place).and_then(|item| item.call) {
            if !lanes.has_said(call) {
                lanes.grow(call, words);
            }
        }
    }

    /// More of the reasoning that may be read: of a summary, or of the reasoning itself.
    pub(super) fn think(&mut self, place: u64, part: (&'static str, u64), words: Words, lanes: &mut Lanes) {
        self.like(place, REASONING).think(part, words, lanes);
    }

    /// The item at this place; if there is none, one of this type begins. Some servers say that a
    /// message stands where the reasoning before it stood.
    fn like(&mut self, place: u64, kind: &str) -> &mut Item {
        let is_other = self.items.get(&place).is_some_and(|item| !item.kind.is_empty() && item.kind != kind);
        let apart = if kind == MESSAGE { APART } else { 2 * APART };
        let place = if is_other { place + apart } else { place };
        self.items.entry(place).or_insert_with(|| Item::of(kind))
    }

    /// The places of the items that a reply holds at its end. They are known by their ids, or by the
    /// calls that they make, or else by their types.
    pub(super) fn places(&self, items: &[&RawValue]) -> serde_json::Result<Vec<u64>> {
        // As of a reply that was not streamed: nothing was said before.
        if self.items.is_empty() {
            return Ok((0..).take(items.len()).collect());
        }
        let items: Vec<Fields<'_>> =
            items.iter().map(|item| Fields::of(item.get())).collect::<Result<_, _>>()?;
        let calls = self.items.iter().rev().filter_map(|(place, item)| Some((item.call_id.clone()?, *place)));
        let by_call: BTreeMap<String, u64> = calls.collect();
        let known = |item: &Fields<'_>| {
            let by_call = || by_call.get(&item.label("call_id")?).copied();
            item.label("id").and_then(|id| self.by_id.get(&id).copied()).or_else(by_call)
        };
        let known: Vec<Option<u64>> = items.iter().map(known).collect();
        let found: BTreeSet<u64> = known.iter().copied().flatten().collect();
        let mut left: BTreeMap<&str, VecDeque<u64>> = BTreeMap::new();
        for (place, item) in self.items.iter().filter(|(place, _)| !found.contains(place)) {
            left.entry(&item.kind).or_default().push_back(*place);
        }
        let mut new = self.items.last_key_value().map_or(0, |(place, _)| place + 1)..;
        let mut of_type = |item: &Fields<'_>| left.get_mut(&*item.word("type")?)?.pop_front();
        let mut place = |(known, item): (Option<u64>, &Fields<'_>)| {
            known.or_else(|| of_type(item)).unwrap_or_else(|| new.next().expect("numbers do not end"))
        };
        Ok(known.into_iter().zip(&items).map(&mut place).collect())
    }

    /// An item is whole.
    pub(super) fn end(&mut self, place: u64, item: &RawValue, lanes: &mut Lanes) -> serde_json::Result<()> {
        if self.items.get(&place).is_some_and(|begun| begun.is_done) {
            return Ok(());
        }
        let fields = Fields::of(item.get())?;
        let begun = self.items.entry(place).or_default();
        begun.is(&fields);
        begun.is_done = true;
        match &*begun.kind {
            MESSAGE => begun.end_message(&fields, &mut self.holds, lanes),
            CALL => {
                self.holds.calls = true;
                begun.end_call(&fields, lanes);
            }
            REASONING => begun.end_reasoning(&fields, item, lanes),
            other => {
                self.holds.asks = openai_blocks::asking(other).or(self.holds.asks);
                lanes.begin(openai_blocks::item(&Json::from(item)), Grows::Nothing);
            }
        }
        Ok(())
    }

    /// Nothing more comes of any item.
    pub(super) fn end_all(&mut self, lanes: &mut Lanes) {
        for item in self.items.values_mut() {
            if let (Some(call), Some(begun)) = (item.call, item.begun.take()) {
                if !item.is_done && !lanes.has_said(call) {
                    lanes.grow(call, begun);
                }
            }
        }
    }
}
