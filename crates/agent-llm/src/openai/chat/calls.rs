//! Which call a piece of a streamed reply belongs to.

use std::collections::BTreeMap;

use super::chunk::{Call, Function};
use crate::{
    openai::{
        fields::{Fields, input, label, number, text},
        openai_blocks::{self, Others},
    },
    transport::{block_order::Lanes, words::Words},
};

/// The most other fields of a call that are kept.
const MOST: usize = 64;

/// The calls of a reply.
///
/// OpenAI says in each piece which call it belongs to, by an index, and in the first one its id and
/// name. Other servers leave out the index or the id, or write the same for all calls, or repeat id
/// and name in each piece.
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
    name: String,
    /// Its arguments, if they came in one piece.
    whole: Option<Words>,
    others: Others,
}

/// What a piece is.
enum Is {
    /// More of this call.
    More(usize),
    /// The beginning of a call.
    New,
    /// What was said before, or nothing.
    Nothing,
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
        let arguments = function.arguments.and_then(input);
        Self { index: Some(0), id: String::new(), name, arguments, others: Fields::default() }
    }

    fn has_arguments(&self) -> bool {
        self.arguments.as_ref().is_some_and(|arguments| !arguments.is_blank())
    }

    /// It says nothing. Some servers write an empty call where there is none.
    fn is_empty(&self) -> bool {
        self.id.is_empty() && self.name.is_empty() && !self.has_arguments() && self.others.is_empty()
    }
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes in a piece of a call.
    pub(super) fn take_in(&mut self, piece: Piece<'_>, lanes: &mut Lanes) {
        let number = match self.place(&piece, lanes) {
            Is::More(number) => number,
            Is::New => self.begin(&piece, lanes),
            Is::Nothing => return,
        };
        let call = &mut self.all[number];
        if call.name.is_empty() {
            call.name.clone_from(&piece.name);
        }
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

    fn place(&self, piece: &Piece<'_>, lanes: &Lanes) -> Is {
        let Some(number) = self.find(piece, lanes) else {
            return if piece.is_empty() { Is::Nothing } else { Is::New };
        };
        let call = &self.all[number];
        if piece.name.is_empty() || call.name.is_empty() {
            return Is::More(number);
        }
        // Where nothing tells two calls apart, the second begins with a name and arguments behind
        // whole ones, or with another name.
        let begins = piece.has_arguments() && lanes.has_said(call.lane) && lanes.is_whole(call.lane);
        let is_same = !piece.id.is_empty() && (call.whole.is_none() || call.whole == piece.arguments);
        match (piece.name == call.name, begins) {
            (true, false) => Is::More(number),
            // Some servers say a call once more when it is whole.
            (true, true) if is_same => Is::Nothing,
            _ => Is::New,
        }
    }

    /// The call that a piece is about, by what it says of itself.
    fn find(&self, piece: &Piece<'_>, lanes: &Lanes) -> Option<usize> {
        let by_id = || self.by_id.get(&piece.id).copied();
        let last = || self.all.len().checked_sub(1);
        match piece.index {
            Some(index) => {
                let number = *self.by_index.get(&index)?;
                // Another id under the same index is another call.
                let is_other = !piece.id.is_empty() && ![&piece.id, ""].contains(&&*self.all[number].id);
                if is_other { by_id() } else { Some(number) }
            }
            // Without an index, what has a name or an id begins a call.
            None if piece.name.is_empty() && piece.id.is_empty() => last(),
            None if piece.id.is_empty() => last().filter(|number| {
                let call = &self.all[*number];
                call.name == piece.name && lanes.has_said(call.lane) && !lanes.is_whole(call.lane)
            }),
            None => by_id(),
        }
    }

    fn begin(&mut self, piece: &Piece<'_>, lanes: &mut Lanes) -> usize {
        let number = self.all.len();
        let lane = lanes.begin_call(piece.id.clone(), piece.name.clone());
        let whole = piece.arguments.clone().filter(Words::is_object);
        let (id, name) = (piece.id.clone(), piece.name.clone());
        self.all.push(Begun { lane, id, name, whole, others: Others::new() });
        if let Some(index) = piece.index {
            self.by_index.insert(index, number);
        }
        if !piece.id.is_empty() {
            self.by_id.insert(piece.id.clone(), number);
        }
        number
    }
}
