//! Checks pictures and documents.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Verdict, must};
use crate::json::list;

/// The most bytes of a picture, as base64.
const MAX_PICTURE_BYTES: usize = 5 * 1024 * 1024;

/// The most pixels of a picture's side, and the lower limit for requests with many pictures.
const MAX_SIDE: usize = 8_000;
const MAX_SIDE_OF_MANY: usize = 2_000;

/// More pictures than this are many.
const MANY_PICTURES: usize = 20;

/// The most pictures and documents of a request to a model with a context of 200,000 tokens.
const MAX_MEDIA: usize = 100;

/// The most pages of a PDF.
const MAX_PAGES: usize = 100;

/// The media types of pictures.
const PICTURE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// The pixels of a picture per token, roughly, and the most tokens of a picture. A page of a
/// document counts with the most.
const PIXELS_PER_TOKEN: usize = 750;
const MAX_TOKENS: usize = 1_600;

/// Checks all pictures and documents whose data is in the request, including those in tool results.
pub(super) fn check(body: &Value) -> Verdict {
    let mut media = Vec::new();
    for (place, message) in list(&body["messages"]).iter().enumerate() {
        within(&message["content"], &format!("messages.{place}.content"), &mut media);
    }
    let pictures = media.iter().filter(|(_, block)| block["type"] == "image").count();
    for (at, block) in &media {
        match block["type"] == "image" {
            true => picture(block, at, pictures > MANY_PICTURES)?,
            false => document(block, at)?,
        }
    }
    let documents = media.len() - pictures;
    must(media.len() <= MAX_MEDIA, || {
        format!("too many images and documents: {pictures} + {documents} > {MAX_MEDIA}")
    })
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
    let given = block["source"]["media_type"].as_str().unwrap_or_default();
    must(PICTURE_TYPES.contains(&given), || {
        format!("{at}.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'")
    })?;
    let bytes = data.len();
    must(bytes <= MAX_PICTURE_BYTES, || {
        format!("{at}: image exceeds 5 MB maximum: {bytes} bytes > {MAX_PICTURE_BYTES} bytes")
    })?;
    // Data that can't be read passes: scenarios may have pictures that are not real ones.
    let file = STANDARD.decode(data).unwrap_or_default();
    let kind = kind(&file).unwrap_or(given);
    must(kind == given, || {
        format!(
            "{at}: The image was specified using the {given} media type, but the image appears to be a {kind} image"
        )
    })?;
    let side = imagesize::blob_size(&file).map_or(0, |size| size.width.max(size.height));
    let said = "At least one of the image dimensions exceed max allowed size";
    must(side <= MAX_SIDE, || format!("{at}.data: {said}: {MAX_SIDE} pixels"))?;
    must(!many || side <= MAX_SIDE_OF_MANY, || {
        format!("{at}.data: {said} for many-image requests: {MAX_SIDE_OF_MANY} pixels")
    })
}

/// The media type of a picture, if its data shows one.
fn kind(file: &[u8]) -> Option<&'static str> {
    use imagesize::ImageType::{Gif, Jpeg, Png, Webp};
    match imagesize::image_type(file).ok()? {
        Jpeg => Some(PICTURE_TYPES[0]),
        Png => Some(PICTURE_TYPES[1]),
        Gif => Some(PICTURE_TYPES[2]),
        Webp => Some(PICTURE_TYPES[3]),
        _ => None,
    }
}

/// The tokens of a picture or a document, roughly. 0 for anything else.
pub(super) fn tokens(block: &Value) -> usize {
    let source = &block["source"];
    match (block["type"].as_str(), source["type"].as_str()) {
        (Some("image"), _) => {
            let file =
                source["data"].as_str().and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
            let pixels = |size: imagesize::ImageSize| size.width.saturating_mul(size.height);
            imagesize::blob_size(&file)
                .map_or(MAX_TOKENS, |size| (pixels(size) / PIXELS_PER_TOKEN).clamp(1, MAX_TOKENS))
        }
        (Some("document"), Some("base64" | "url" | "file")) => pages(block).max(1) * MAX_TOKENS,
        _ => 0,
    }
}

/// The number of pages of a PDF. 0 if they are compressed, or the data is not in the request.
fn pages(block: &Value) -> usize {
    let data = block["source"]["data"].as_str().filter(|_| block["source"]["type"] == "base64");
    let file = data.and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
    let file = String::from_utf8_lossy(&file).replace("/Type/", "/Type /");
    file.matches("/Type /Page").count() - file.matches("/Type /Pages").count()
}

fn document(block: &Value, at: &str) -> Verdict {
    let pages = pages(block);
    must(pages <= MAX_PAGES, || {
        format!("{at}.pdf.source.base64.data: A maximum of {MAX_PAGES} PDF pages may be provided.")
    })
}
