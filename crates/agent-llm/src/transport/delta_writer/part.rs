//! A part of a reply that becomes a block.

use std::{collections::VecDeque, mem};

use agent_core::{Block, Delta, Json, LlmError, model::Piece};

use super::{malformed, nesting::Nesting};

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
    /// A tool call with this number.
    Call(u64),
}

/// A part of a reply, or a piece of one.
#[derive(Debug)]
pub(super) struct Part {
    kind: Kind,
    /// The id and the name of a call.
    id: String,
    name: String,
    /// The words that are not passed on yet. Those of a call are its input.
    words: String,
    input: Nesting,
    has_begun: bool,
}

impl Part {
    pub(super) fn new(kind: Kind, words: &str) -> Self {
        let mut input = Nesting::default();
        if matches!(kind, Kind::Call(_)) {
            input.push(words);
        }
        let (id, name) = Default::default();
        Self { kind, id, name, words: words.to_owned(), input, has_begun: false }
    }

    pub(super) fn call(number: u64, id: &str, name: &str, input: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), ..Self::new(Kind::Call(number), input) }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.id.is_empty() && self.name.is_empty()
    }

    /// Whether it adds nothing to an input.
    pub(super) fn is_blank(&self) -> bool {
        self.words.trim().is_empty()
    }

    /// Whether this piece of a call begins another call than the complete one with this id.
    pub(super) fn is_another(&self, id: &str) -> bool {
        let has_other_id = !self.id.is_empty() && !id.is_empty() && self.id != id;
        has_other_id || (self.id.is_empty() && !self.name.is_empty() && !self.is_blank())
    }

    /// Whether this call goes on with a piece of the same number.
    pub(super) fn goes_on_with(&self, piece: &Self) -> bool {
        match self.input.is_complete() {
            true => !piece.is_another(&self.id),
            false => self.id.is_empty() || piece.id.is_empty() || self.id == piece.id,
        }
    }

    pub(super) fn grow(&mut self, piece: Self) {
        if self.id.is_empty() {
            self.id = piece.id;
        }
        if self.name.is_empty() {
            self.name = piece.name;
        }
        self.input.push(&piece.words);
        self.words.push_str(&piece.words);
    }

    /// Whether the next block may begin.
    pub(super) fn may_end(&self) -> bool {
        !matches!(self.kind, Kind::Call(_)) || (self.input.is_complete() && !self.name.is_empty())
    }

    /// Passes on what it has, as the block at this index. A call needs its name first.
    pub(super) fn pass_on(&mut self, index: usize, ready: &mut VecDeque<Delta>) {
        if !mem::replace(&mut self.has_begun, true) {
            let block = match self.kind {
                Kind::Call(_) if self.name.is_empty() => {
                    self.has_begun = false;
                    return;
                }
                Kind::Call(_) => Block::tool_use(&self.id, &self.name, serde_json::json!({})),
                Kind::Text => Block::text(""),
                Kind::Thinking => thinking(),
            };
            ready.push_back(Delta::Block { index, block });
        }
        if !self.words.is_empty() {
            let words = mem::take(&mut self.words);
            let piece = match self.kind {
                Kind::Call(_) => Piece::Input(words),
                Kind::Text => Piece::Text(words),
                Kind::Thinking => Piece::Thinking(words),
            };
            ready.push_back(Delta::Piece { index, piece });
        }
    }

    /// Ends the block at this index.
    pub(super) fn end(&self, index: usize, ready: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        if !self.has_begun {
            return Err(malformed(format!("tool call {:?} has no name", self.id)));
        }
        ready.push_back(Delta::BlockEnd { index });
        Ok(())
    }
}

/// A thinking block without a word.
fn thinking() -> Block {
    let json = Json::from(serde_json::json!({"type": "thinking", "thinking": ""}));
    Block::from_json(json).expect("it has all that a thinking block needs")
}
