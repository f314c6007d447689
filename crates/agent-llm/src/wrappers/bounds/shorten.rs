//! What is cut when a request is too long.

use agent_core::{Block, Content, Json, Message, Request, ToolSpec, message::BlockKind};

use super::{
    edits::{At, Edits, given},
    length::length,
    media::{media, weight},
};

/// The least that is left of a text that is cut, in bytes.
const LEAST: usize = 200;

/// How a request is measured, and what of it may be cut.
pub(crate) struct Scale {
    /// Whether the text that stands there may be.
    may_cut: fn(At, &Block) -> bool,
    /// What a picture or a document weighs.
    medium: fn(&Block) -> usize,
}

impl Scale {
    /// In bytes; all that users and tools said.
    const GIVEN: Self = Self { may_cut: |_, _| true, medium: length };
    /// In bytes; what the user said stays.
    pub(crate) const BYTES: Self = Self { may_cut: is_brought, medium: length };
    /// By what a model has to read, in bytes of words; what the user said stays.
    pub(crate) const READ: Self = Self { may_cut: is_brought, medium: weight };
}

/// Whether a tool brought it.
fn is_brought(at: At, block: &Block) -> bool {
    at.inner.is_some() || matches!(block.kind(), BlockKind::ToolResult { .. })
}

/// The size of a request, by whether anything can be done about it.
pub(crate) struct Size {
    /// What the model said, the system prompt and the tools, and what else may not be cut.
    fixed: usize,
    /// What may be cut of what was said.
    texts: usize,
    /// Pictures and documents.
    media: usize,
}

impl Size {
    pub(crate) fn of(request: &Request, scale: &Scale) -> Self {
        let media = media(request);
        let bytes: usize = media.iter().map(|medium| length(medium.block)).sum();
        let texts = texts(request, scale).iter().map(|text| text.length).sum();
        let media = media.iter().map(|medium| (scale.medium)(medium.block)).sum();
        Self { fixed: Self::of_all(request) - bytes - texts, texts, media }
    }

    /// All of it. Each request asks, so no block is looked at.
    pub(crate) fn of_all(request: &Request) -> usize {
        let messages: usize = request.messages.iter().map(Message::json_bytes).sum();
        let system: usize = request.system.iter().map(length).sum();
        let own: usize = request.tools.iter().map(tool).sum();
        let server: usize = request.server_tools.iter().map(|tool| tool.text().len()).sum();
        let others: usize =
            request.extra.iter().map(|(name, value)| name.len() + value.text().len() + 4).sum();
        1024 + 32 * request.messages.len() + messages + system + own + server + others
    }

    pub(crate) fn all(&self) -> usize {
        self.fixed + self.texts + self.media
    }
}

fn tool(spec: &ToolSpec) -> usize {
    let extra: usize = spec.extra.iter().map(|(name, value)| name.len() + value.text().len() + 4).sum();
    // What is quoted may need two bytes for one.
    64 + spec.name.len() + 2 * spec.description.len() + spec.input_schema.text().len() + extra
}

/// A text that may be cut.
struct Text<'a> {
    at: At,
    block: &'a Block,
    words: &'a str,
    /// As JSON.
    length: usize,
}

fn texts<'a>(request: &'a Request, scale: &Scale) -> Vec<Text<'a>> {
    let text = |(at, block): (At, _)| match Block::kind(block) {
        _ if !(scale.may_cut)(at, block) => None,
        BlockKind::Text(words) | BlockKind::ToolResult { content: Content::Text(words), .. } => {
            Some(Text { at, block, words, length: length(block) })
        }
        _ => None,
    };
    given(request).filter_map(text).collect()
}

/// The request with at most so many bytes.
pub(crate) fn to_bytes(request: &Request, most: usize, why: &str) -> Edits {
    match Size::of_all(request) <= most {
        true => Edits::default(),
        false => to_size(request, &Scale::GIVEN, most, why),
    }
}

/// Cuts the longest texts, and leaves out the oldest pictures and documents, until the request has
/// at most this size. Texts may have half of what there is room for, and all that pictures and
/// documents leave.
pub(crate) fn to_size(request: &Request, scale: &Scale, most: usize, why: &str) -> Edits {
    let mut edits = Edits::default();
    let size = Size::of(request, scale);
    let room = most.saturating_sub(size.fixed);
    let for_texts = room.saturating_sub(size.media).max(room / 2);
    let texts = texts(request, scale);
    cut_texts(texts, for_texts, why, &mut edits);
    let mut media_left = size.media;
    for medium in media(request) {
        if media_left <= room.saturating_sub(size.texts.min(for_texts)) {
            break;
        }
        media_left -= (scale.medium)(medium.block);
        edits.leave_out(medium.at, &format!("{}, one of the oldest, since {why}", medium.name()));
    }
    edits
}

/// Shares the room out: what needs less than an equal share has all it needs.
fn cut_texts(texts: Vec<Text<'_>>, room: usize, why: &str, edits: &mut Edits) {
    let lengths: Vec<usize> = texts.iter().map(|text| text.length).collect();
    let most = share(&lengths, room).max(LEAST);
    for text in texts.into_iter().filter(|text| text.length > most) {
        if let Some((block, what)) = cut(&text, most, why) {
            edits.put(text.at, block, &what);
        }
    }
}

/// The most that each may have for all to have as much as there is room for.
fn share(lengths: &[usize], mut room: usize) -> usize {
    let mut lengths = lengths.to_vec();
    lengths.sort_unstable();
    let mut left = lengths.len();
    for length in lengths {
        if length > room / left {
            return room / left;
        }
        room -= length;
        left -= 1;
    }
    usize::MAX
}

/// The text so much shorter that it has about this length as JSON, with what is said of that.
fn cut(text: &Text<'_>, most: usize, why: &str) -> Option<(Block, String)> {
    let Text { words, length, block, .. } = text;
    let bytes = words.len();
    // JSON may be longer than the words, by quotes and escapes; and the note has to fit.
    let keep = bytes.checked_mul(most.saturating_sub(LEAST)).map_or(0, |product| product / length);
    let end = (0..=keep.min(bytes)).rev().find(|end| words.is_char_boundary(*end)).unwrap_or(0);
    let what = format!("{end} of {bytes} bytes are shown, since {why}");
    let words = Json::from(serde_json::Value::from(format!("{}\n[cut: {what}]", &words[..end])));
    let field = if block.as_text().is_some() { "text" } else { "content" };
    block.with(field, words).ok().map(|block| (block, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_shared_out_and_who_needs_less_leaves_it_to_the_others() {
        let check = |lengths: &[usize], room, expected| assert_eq!(share(lengths, room), expected);
        check(&[10, 10], 20, usize::MAX);
        check(&[10, 10], 19, 9);
        check(&[100, 1, 4], 25, 20);
        check(&[100, 50, 4], 24, 10);
        check(&[5], 0, 0);
        check(&[], 0, usize::MAX);
    }
}
