//! The content of a message or a tool result. It is beside [`Block`], because a block can hold
//! content itself.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use super::Block;
use crate::{message::truncate::truncated, safe_lines};

/// The content of a message or a tool result: one text, or content blocks (text, images, …).
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Content blocks, in order.
    Blocks(Vec<Block>),
}

impl Content {
    /// Makes text from bytes, such as the output of a program. Bytes that are not UTF-8 are
    /// replaced by `U+FFFD`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::Text(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The text of the content. Blocks that are not text are left out.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => blocks.iter().filter_map(Block::as_text).collect(),
        }
    }

    /// The text of the content. A block that is not text appears as its type in brackets:
    /// `[image]`.
    pub fn describe(&self) -> String {
        self.described().into_owned()
    }

    /// As [`describe`](Self::describe), without a copy if the content is one text.
    pub(crate) fn described(&self) -> Cow<'_, str> {
        let named = |block: &Block| match block.as_text() {
            Some(text) => text.to_owned(),
            None => {
                let kind = block.field("type").and_then(|kind| kind.parse::<String>().ok());
                format!("[{}]", kind.as_deref().unwrap_or("block"))
            }
        };
        match self {
            Self::Text(text) => text.into(),
            Self::Blocks(blocks) => match (blocks.len(), blocks.first().and_then(Block::as_text)) {
                (1, Some(text)) => text.into(),
                _ => blocks.iter().map(named).collect(),
            },
        }
    }

    /// Converts the content to blocks. A text becomes one text block, and an empty text no block.
    pub fn into_blocks(self) -> Vec<Block> {
        match self {
            Self::Text(text) if text.is_empty() => Vec::new(),
            Self::Text(text) => vec![Block::text(text)],
            Self::Blocks(blocks) => blocks,
        }
    }

    /// Whether the content is empty or only white space.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Blocks(blocks) => blocks.iter().all(Block::is_blank),
        }
    }
}

impl Content {
    /// Cuts the text of the content to `max_bytes` and adds a note that it was cut. The texts of
    /// all blocks are counted together. Blocks that are not text are kept. Empty text blocks, and
    /// those after the cut, are left out, because there may be very many.
    pub(crate) fn truncated(self, max_bytes: usize) -> Self {
        let blocks = match self {
            Self::Text(text) => return truncated(text, max_bytes).into(),
            Self::Blocks(blocks) => blocks,
        };
        let mut left = Some(max_bytes);
        let kept = blocks.into_iter().filter_map(|block| match (block.as_text(), left) {
            (None, _) => Some(block),
            (Some(""), _) | (Some(_), None) => None,
            (Some(text), Some(room)) if text.len() > room => {
                left = None;
                Some(Block::text(truncated(text.to_owned(), room)))
            }
            (Some(text), Some(room)) => {
                left = Some(room - text.len());
                Some(block)
            }
        });
        Self::Blocks(kept.collect())
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// Writes the content for people to read: the text, and a block that is not text as its type in
/// brackets (`[image]`). The output is [safe to show](safe_lines).
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&safe_lines(&self.describe()))
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Block>> for Content {
    fn from(blocks: Vec<Block>) -> Self {
        Self::Blocks(blocks)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Blocks(blocks) => blocks.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read::<Block, D>(deserializer)
    }
}

impl Content {
    /// Reads content whose blocks are read as a `B`.
    pub(crate) fn read<'de, B, D>(deserializer: D) -> Result<Self, D::Error>
    where
        B: Deserialize<'de> + Into<Block>,
        D: Deserializer<'de>,
    {
        // By hand, since serde's untagged enums can't hold raw JSON.
        struct TextOrBlocks<B>(PhantomData<B>);
        impl<'de, B: Deserialize<'de> + Into<Block>> Visitor<'de> for TextOrBlocks<B> {
            type Value = Content;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of content blocks")
            }
            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(text.into())
            }
            fn visit_unit<E>(self) -> Result<Content, E> {
                Ok(Content::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = list.next_element::<B>()? {
                    blocks.push(block.into());
                }
                Ok(Content::Blocks(blocks))
            }
        }
        deserializer.deserialize_any(TextOrBlocks::<B>(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_38_huge_or_non_utf_8_results_are_bounded_and_valid() {
        let check = |content: Content, max_bytes: usize, expected: &[&str]| {
            let blocks = content.truncated(max_bytes).into_blocks();
            let texts: Vec<&str> = blocks.iter().filter_map(Block::as_text).collect();
            assert_eq!(texts, expected);
        };
        check("short".into(), 5, &["short"]);
        check("äöü".into(), 3, &["ä\n[cut: the result has 6 bytes, and 2 of them are shown]"]);
        let blocks = ["ab", "cd", "ef"].map(Block::text).to_vec();
        check(blocks.into(), 3, &["ab", "c\n[cut: the result has 2 bytes, and 1 of them are shown]"]);
        assert_eq!(Content::from_bytes(b"caf\xe9").to_text(), "caf\u{fffd}");
    }
}
