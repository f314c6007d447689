//! Pictures and documents.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Verdict, must};
use crate::incoming::list;

/// The most bytes of base64 of a picture.
const PICTURE: usize = 5 * 1024 * 1024;

/// The most pixels of a picture's side, and where there are many pictures.
const SIDE: usize = 8_000;
const SIDE_OF_MANY: usize = 2_000;

/// From how many pictures on there are many.
const MANY: usize = 20;

/// The most pictures and documents of a request to a model with a context of 200,000 tokens.
const MOST: usize = 100;

/// The most pages of a PDF.
const PAGES: usize = 100;

/// Checks all pictures and documents, also those in results, as far as they are in the request itself.
pub(super) fn check(body: &Value) -> Verdict {
    let mut media = Vec::new();
    for (place, message) in list(&body["messages"]).iter().enumerate() {
        within(&message["content"], &format!("messages.{place}.content"), &mut media);
    }
    let pictures = media.iter().filter(|(_, block)| block["type"] == "image").count();
    for (at, block) in &media {
        match block["type"] == "image" {
            true => picture(block, at, pictures > MANY)?,
            false => document(block, at)?,
        }
    }
    let documents = media.len() - pictures;
    must(media.len() <= MOST, || format!("too many images and documents: {pictures} + {documents} > {MOST}"))
}

fn within<'a>(content: &'a Value, at: &str, media: &mut Vec<(String, &'a Value)>) {
    for (place, block) in list(content).iter().enumerate() {
        let at = format!("{at}.{place}");
        match block["type"].as_str() {
            Some("image" | "document") => media.push((at, block)),
            Some("tool_result") => within(&block["content"], &format!("{at}.tool_result.content"), media),
            _ => {}
        }
    }
}

fn picture(block: &Value, at: &str, many: bool) -> Verdict {
    let Some(data) = block["source"]["data"].as_str() else { return Ok(()) };
    let at = format!("{at}.image.source.base64");
    let bytes = data.len();
    must(bytes <= PICTURE, || format!("{at}: image exceeds 5 MB maximum: {bytes} bytes > {PICTURE} bytes"))?;
    // What it can't read it takes: scripts may well have pictures that are none.
    let size = STANDARD.decode(data).ok().and_then(|file| imagesize::blob_size(&file).ok());
    let side = size.map_or(0, |size| size.width.max(size.height));
    let said = "At least one of the image dimensions exceed max allowed size";
    must(side <= SIDE, || format!("{at}.data: {said}: {SIDE} pixels"))?;
    must(!many || side <= SIDE_OF_MANY, || {
        format!("{at}.data: {said} for many-image requests: {SIDE_OF_MANY} pixels")
    })
}

/// Counts the pages of a PDF, unless it keeps them compressed.
fn document(block: &Value, at: &str) -> Verdict {
    let data = block["source"]["data"].as_str().filter(|_| block["source"]["type"] == "base64");
    let file = data.and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
    let file = String::from_utf8_lossy(&file).replace("/Type/", "/Type /");
    let pages = file.matches("/Type /Page").count() - file.matches("/Type /Pages").count();
    must(pages <= PAGES, || {
        format!("{at}.pdf.source.base64.data: A maximum of {PAGES} PDF pages may be provided.")
    })
}
