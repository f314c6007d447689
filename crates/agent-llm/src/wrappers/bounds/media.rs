//! Pictures and documents: how large, and how many.

use agent_core::{Block, Request, message::BlockKind};
use serde::Deserialize;

use super::{
    Bounds,
    edits::{At, Edits, given},
    length::length,
    picture::{base64, sides},
};

/// About as many bytes of words have a token.
const TOKEN: usize = 4;

/// About as many pixels have one; a picture that has more of them is made smaller.
const PIXELS: usize = 750;

/// The most tokens of a picture.
const PICTURE: usize = 1_600;

/// A picture or a document.
pub(super) struct Medium<'a> {
    pub(super) at: At,
    pub(super) block: &'a Block,
}

impl Medium<'_> {
    pub(super) fn name(&self) -> &'static str {
        if self.is_picture() { "a picture" } else { "a document" }
    }

    fn is_picture(&self) -> bool {
        matches!(self.block.kind(), BlockKind::Image)
    }

    /// The longer side in pixels, if that is known.
    fn side(&self) -> Option<u32> {
        let (width, height) = sides(&base64(self.block)?)?;
        Some(width.max(height))
    }
}

/// All of them, the oldest first.
pub(super) fn media(request: &Request) -> Vec<Medium<'_>> {
    let is_medium = |block: &Block| matches!(block.kind(), BlockKind::Image | BlockKind::Document);
    given(request).filter(|(_, block)| is_medium(block)).map(|(at, block)| Medium { at, block }).collect()
}

/// What a picture or a document is beside words for who reads it, in bytes of words; a guess where
/// its file is elsewhere.
pub(super) fn weight(block: &Block) -> usize {
    let file = base64(block);
    match block.kind() {
        BlockKind::Image => {
            let pixels = |(width, height): (u32, u32)| (width as usize).saturating_mul(height as usize);
            let tokens = file.and_then(|file| sides(&file)).map(|sides| pixels(sides) / PIXELS);
            TOKEN * tokens.unwrap_or(PICTURE).clamp(1, PICTURE)
        }
        // Each page is words and a picture of them.
        _ if !is_words(block) => (length(block) / 4).max(2 * TOKEN * PICTURE),
        _ => length(block),
    }
}

/// Whether a document is no file.
fn is_words(document: &Block) -> bool {
    #[derive(Deserialize)]
    struct Source {
        r#type: String,
    }
    let source = document.field("source").and_then(|source| source.parse::<Source>().ok());
    source.is_some_and(|source| matches!(&*source.r#type, "text" | "content"))
}

/// Notes for those that are over a bound.
pub(super) fn too_large_or_many(request: &Request, bounds: &Bounds, edits: &mut Edits) {
    let mut media = media(request);
    media.retain(|medium| match too_large(medium, bounds) {
        Some(why) => {
            edits.leave_out(medium.at, &why);
            false
        }
        None => true,
    });
    for old in media.drain(..media.len().saturating_sub(bounds.media)) {
        let most = bounds.media;
        edits.leave_out(
            old.at,
            &format!("{}, one of the oldest: a request may have {most} pictures and documents", old.name()),
        );
    }
    too_wide_among_many(media, bounds, edits);
}

fn too_large(medium: &Medium<'_>, bounds: &Bounds) -> Option<String> {
    if !medium.is_picture() {
        return None;
    }
    let (most, longest) = (bounds.picture_bytes, bounds.picture_side);
    // The block is longer than what is in it.
    if medium.block.json().text().len() > most {
        let bytes = base64(medium.block).map_or(0, |data| data.len());
        if bytes > most {
            return Some(format!("a picture of {bytes} bytes as base64, where {most} are allowed"));
        }
    }
    let (width, height) = sides(&base64(medium.block)?)?;
    (width.max(height) > longest)
        .then(|| format!("a picture of {width} x {height} pixels, where {longest} a side are allowed"))
}

/// Where there are many pictures, each may be less wide; the oldest ones that are wider make room,
/// until there are few enough for the others.
fn too_wide_among_many(media: Vec<Medium<'_>>, bounds: &Bounds, edits: &mut Edits) {
    let pictures: Vec<_> = media.into_iter().filter(Medium::is_picture).collect();
    let mut left = pictures.len();
    for picture in pictures {
        let (many, longest) = (bounds.many_pictures, bounds.side_of_many);
        if left <= many {
            return;
        }
        if let Some(side) = picture.side().filter(|side| *side > longest) {
            let why = format!(
                "a picture of {side} pixels a side, where {longest} are allowed since there are over {many}"
            );
            edits.leave_out(picture.at, &why);
            left -= 1;
        }
    }
}
