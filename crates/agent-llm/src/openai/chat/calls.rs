//! Which call a piece of a streamed reply belongs to.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{
    openai::{
        fields::{Fields, string},
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
    all: Vec<Call>,
    by_index: BTreeMap<u64, usize>,
    by_id: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Call {
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
    /// Reads a piece. Of a reply that was not streamed, `place` says the how many-th call it is.
    pub(super) fn read(piece: &'a RawValue, place: Option<u64>) -> serde_json::Result<Self> {
        let mut fields = Fields::of(piece.get())?;
        let index = place.or_else(|| fields.read("index"));
        let id = fields.label("id").unwrap_or_default();
        let function = fields.get("function").map_or("null", RawValue::get);
        let function = Self::of_function(Fields::of(function)?);
        for named in ["index", "id", "type", "function"] {
            fields.take(named);
        }
        Ok(Self { index, id, others: fields, ..function })
    }

    /// Of the field that came before there could be several calls.
    pub(super) fn read_only_call(function: &'a RawValue) -> serde_json::Result<Self> {
        Fields::of(function.get()).map(Self::of_function)
    }

    fn of_function(function: Fields<'a>) -> Self {
        let name = function.text("name").unwrap_or_default();
        let arguments = function.get("arguments").and_then(written);
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
            call.others.extend(piece.others.others(&[]).into_iter().take(MOST - call.others.len().min(MOST)));
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
        self.all.push(Call { lane, id: piece.id.clone(), others: Others::new() });
        if let Some(index) = piece.index {
            self.by_index.insert(index, number);
        }
        if !piece.id.is_empty() {
            self.by_id.insert(piece.id.clone(), number);
        }
        number
    }
}
