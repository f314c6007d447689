//! Which call a piece of a streamed reply belongs to.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::chunk::{Call, Function};
use crate::{
    openai::{
        fields::{Fields, label, number, string, text},
        openai_blocks::{self, Others},
    },
    transport::{block_order::Lanes, words::Words},
};

/// The most other fields of a call that are kept.
const MOST: usize = 64;

/// The calls of a reply.
///
/// OpenAI says in each piece which call it belongs to, by an index, and in the first one its id and
/// name. Other servers leave out the index, or write 0 for all calls, or repeat id and name in each
/// piece.
#[derive(Debug, Default)]
pub(super) struct Calls {
    all: Vec<Begun>,
    by_index: BTreeMap<u64, usize>,
    by_id: BTreeMap<String, usize>,
}

/// A call that has begun.
#[derive(Debug)]
struct Begun {
    lane: usize,
    id: String,
    others: Others,
}

/// A piece of a call, as it is written.
pub(super) struct Piece<'a> {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: Option<Words>,
    others: Fields<'a>,
}

impl<'a> Piece<'a> {
    /// A piece of a call. Of a reply that was not streamed, `place` says the how many-th call it is.
    pub(super) fn of(call: Call<'a>, place: Option<u64>) -> Self {
        let index = place.or_else(|| call.index.and_then(number));
        let id = call.id.and_then(label).unwrap_or_default();
        Self { index, id, others: call.others, ..Self::only(call.function.unwrap_or_default()) }
    }

    /// Of a reply that has only this call.
    pub(super) fn only(function: Function<'a>) -> Self {
        let name = function.name.and_then(text).unwrap_or_default();
        let arguments = function.arguments.and_then(written);
        Self { index: Some(0), id: String::new(), name, arguments, others: Fields::default() }
    }
}

/// Arguments are a text that should be JSON; some servers write the JSON itself.
fn written(arguments: &RawValue) -> Option<Words> {
    match arguments.get().as_bytes().first() {
        Some(b'"') => string(arguments),
        Some(b'{' | b'[') => {
            let text = serde_json::to_string(arguments.get()).expect("a text can always be written");
            serde_json::from_str(&text).ok()
        }
        _ => None,
    }
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes in a piece of a call.
    pub(super) fn take_in(&mut self, piece: Piece<'_>, lanes: &mut Lanes) {
        let number = self.find(&piece).unwrap_or_else(|| self.begin(&piece, lanes));
        let call = &mut self.all[number];
        lanes.name(call.lane, &piece.id, &piece.name);
        if let Some(arguments) = piece.arguments {
            lanes.grow(call.lane, arguments);
        }
        if !piece.others.is_empty() {
            call.others
                .extend(piece.others.others(|_| false).into_iter().take(MOST - call.others.len().min(MOST)));
            if let Some(block) = openai_blocks::call(&call.others) {
                lanes.put_behind(call.lane, block);
            }
        }
    }

    /// The call that a piece is more of; `None` if it begins one.
    fn find(&self, piece: &Piece<'_>) -> Option<usize> {
        let by_id = || self.by_id.get(&piece.id).copied();
        match piece.index {
            Some(index) => {
                let number = *self.by_index.get(&index)?;
                // Another id under the same index is another call.
                let is_other = !piece.id.is_empty() && ![&piece.id, ""].contains(&&*self.all[number].id);
                if is_other { by_id() } else { Some(number) }
            }
            // Without an index, what has a name or an id begins a call.
            None if piece.name.is_empty() && piece.id.is_empty() => self.all.len().checked_sub(1),
            None => by_id(),
        }
    }

    fn begin(&mut self, piece: &Piece<'_>, lanes: &mut Lanes) -> usize {
        let number = self.all.len();
        let lane = lanes.begin_call(piece.id.clone(), piece.name.clone());
        self.all.push(Begun { lane, id: piece.id.clone(), others: Others::new() });
        if let Some(index) = piece.index {
            self.by_index.insert(index, number);
        }
        if !piece.id.is_empty() {
            self.by_id.insert(piece.id.clone(), number);
        }
        number
    }
}
