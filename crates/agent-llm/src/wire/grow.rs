//! How a stream's blocks begin and grow.

use std::borrow::Cow;

use agent_core::{Block, Delta, Json, LlmError, Piece};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{Said, Words, need, parse};

/// Words of a block, which may begin or end in the middle of a character.
#[derive(Debug, PartialEq)]
pub(crate) struct Grown {
    /// The block's place in the reply.
    pub(crate) index: usize,
    /// What the block began with, if these are the words of its beginning that it does not hold.
    pub(crate) block: Option<Json>,
    pub(crate) field: Field,
    pub(crate) words: Words,
}

/// The field of a block that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Text,
    Thinking,
    Signature,
    Input,
}

impl Field {
    pub(crate) fn piece(self, words: String) -> Piece {
        match self {
            Self::Text => Piece::Text(words),
            Self::Thinking => Piece::Thinking(words),
            Self::Signature => Piece::Signature(words),
            Self::Input => Piece::Input(words),
        }
    }
}

/// The block at `index` begins. Half a character that its words end in is taken out of it: the other half may
/// come with the next piece.
pub(super) fn begin(index: usize, block: &RawValue) -> Said {
    let whole = Json::from(block.to_owned());
    let half = if whole.text() == block.get() { None } else { without_half(index, block, &whole) };
    half.map_or_else(|| Said::Delta(Delta::Block { index, block: whole }), Said::Grown)
}

fn without_half(index: usize, block: &RawValue, whole: &Json) -> Option<Grown> {
    #[derive(Deserialize)]
    struct Begun {
        text: Option<Words>,
        thinking: Option<Words>,
    }
    let Begun { text, thinking } = serde_json::from_str(block.get()).ok()?;
    [("text", Field::Text, text), ("thinking", Field::Thinking, thinking)].into_iter().find_map(
        |(name, field, words)| {
            let mut begun = words?;
            let words = begun.split_half()?;
            let block = Block::from_json(whole.clone()).ok()?.with(name, Value::from(begun.text())).ok()?;
            Some(Grown { index, block: Some(block.json().clone()), field, words })
        },
    )
}

/// More of the block at `index`. A delta of a type this library does not know is kept as it came.
pub(super) fn grow(index: usize, delta: &RawValue) -> Result<Said, LlmError> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow, default)]
        r#type: Cow<'a, str>,
        #[serde(borrow)]
        text: Option<&'a RawValue>,
        #[serde(borrow)]
        thinking: Option<&'a RawValue>,
        #[serde(borrow)]
        signature: Option<&'a RawValue>,
        #[serde(borrow)]
        partial_json: Option<&'a RawValue>,
        #[serde(borrow)]
        citation: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse("content_block_delta", delta.get())?;
    let (field, key, words) = match &*fields.r#type {
        "text_delta" => (Field::Text, "text", fields.text),
        "input_json_delta" => (Field::Input, "partial_json", fields.partial_json),
        "thinking_delta" => (Field::Thinking, "thinking", fields.thinking),
        "signature_delta" => (Field::Signature, "signature", fields.signature),
        name => {
            let piece = match name {
                "citations_delta" => {
                    Piece::Citation(need(name, "citation", fields.citation)?.to_owned().into())
                }
                _ => Piece::Other(delta.to_owned().into()),
            };
            return Ok(Said::Delta(Delta::Piece { index, piece }));
        }
    };
    let words = parse(&fields.r#type, need(&fields.r#type, key, words)?.get())?;
    Ok(Said::Grown(Grown { index, block: None, field, words }))
}
