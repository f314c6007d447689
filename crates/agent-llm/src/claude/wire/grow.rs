//! How a stream's blocks begin and grow.

use std::borrow::Cow;

use agent_core::{Block, Delta, Json, LlmError, message::BlockKind, model::Piece};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};

use super::{
    malformed, need, parse,
    said::{Field, Grown, Said},
};
use crate::transport::{sse::Event, words::Words};

/// The event that most of a stream is made of.
const GROWS: &str = "content_block_delta";

/// The block at `index` begins. Half a character that its words end in is taken out of it: the
/// other half may come with the next piece.
pub(super) fn begin(index: usize, block: &RawValue) -> Result<Said, LlmError> {
    let json = Json::from(block.to_owned());
    let is_whole = json.text() == block.get();
    let begun = Block::from_json(json).map_err(|error| malformed("content_block_start", error))?;
    let half = if is_whole { None } else { without_half(index, block, &begun) };
    Ok(half.map_or_else(|| Said::Delta(Delta::Block { index, block: begun }), Said::Grown))
}

fn without_half(index: usize, block: &RawValue, begun: &Block) -> Option<Grown> {
    #[derive(Deserialize)]
    struct Begun {
        text: Option<Words>,
        thinking: Option<Words>,
    }
    let Begun { text, thinking } = serde_json::from_str(block.get()).ok()?;
    let (name, field, words) = match begun.kind() {
        BlockKind::Text(_) => ("text", Field::Text, text),
        BlockKind::Thinking { .. } => ("thinking", Field::Thinking, thinking),
        // What grows by no words gets no other half.
        _ => return None,
    };
    let mut whole = words?;
    let words = whole.split_half()?;
    let block = begun.with(name, Value::from(whole.text())).ok()?;
    Some(Grown { index, block: Some(block), field, words })
}

/// More words of a block, if that is what an event says in the form that most have. It is read in
/// one go; whatever else it may be, [`grow`] finds out.
pub(super) fn grown(event: &Event<'_>) -> Option<Grown> {
    #[derive(Deserialize)]
    struct Grows<'a> {
        r#type: &'a str,
        index: usize,
        #[serde(borrow)]
        delta: Delta<'a>,
    }
    #[derive(Deserialize)]
    struct Delta<'a> {
        r#type: &'a str,
        text: Option<Words>,
        thinking: Option<Words>,
        signature: Option<Words>,
        partial_json: Option<Words>,
    }
    if event.name != GROWS {
        return None;
    }
    let Grows { r#type, index, delta } = serde_json::from_str(&event.data).ok()?;
    if r#type != GROWS {
        return None;
    }
    let (field, words) = match delta.r#type {
        "text_delta" => (Field::Text, delta.text),
        "input_json_delta" => (Field::Input, delta.partial_json),
        "thinking_delta" => (Field::Thinking, delta.thinking),
        "signature_delta" => (Field::Signature, delta.signature),
        _ => return None,
    };
    Some(Grown { index, block: None, field, words: words? })
}

/// More of the block at `index`. A delta of a type this library does not know is kept as it came.
pub(super) fn grow(index: usize, delta: &RawValue) -> Result<Said, LlmError> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow, default)]
        r#type: Cow<'a, str>,
        #[serde(borrow, default, deserialize_with = "there")]
        text: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "there")]
        thinking: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "there")]
        signature: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "there")]
        partial_json: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "there")]
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
                "citations_delta" if fields.citation.is_some_and(is_null) => return Ok(Said::Nothing),
                "citations_delta" => {
                    Piece::Citation(need(name, "citation", fields.citation)?.to_owned().into())
                }
                _ => Piece::Other(delta.to_owned().into()),
            };
            return Ok(Said::Delta(Delta::Piece { index, piece }));
        }
    };
    let words = match need(&fields.r#type, key, words)? {
        // A sign of life.
        null if is_null(null) => Words::default(),
        words => parse(&fields.r#type, words.get())?,
    };
    Ok(Said::Grown(Grown { index, block: None, field, words }))
}

/// A field that is there, be it `null`.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}
