//! The content of a reply, in the forms that servers write.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Block, InvalidBlock, Json};

/// A list of blocks, one string (as in messages that are sent), or nothing.
pub(super) enum ReplyContent<'de> {
    Nothing,
    Text(String),
    Blocks(Vec<&'de RawValue>),
}

impl ReplyContent<'_> {
    /// The blocks. They share the text of the reply.
    pub(super) fn blocks(self, reply: &Json) -> Result<Vec<Block>, InvalidBlock> {
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::Text(text) => Ok(vec![Block::text(text)]),
            Self::Blocks(blocks) => {
                blocks.into_iter().map(|block| Block::from_json(reply.part(block))).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for ReplyContent<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = ReplyContent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of blocks")
    }

    fn visit_unit<E: Error>(self) -> Result<ReplyContent<'de>, E> {
        Ok(ReplyContent::Nothing)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ReplyContent<'de>, E> {
        Ok(ReplyContent::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ReplyContent<'de>, A::Error> {
        let mut blocks = Vec::with_capacity(items.size_hint().unwrap_or_default());
        while let Some(block) = items.next_element()? {
            blocks.push(block);
        }
        Ok(ReplyContent::Blocks(blocks))
    }
}
