//! Pictures and documents.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Verdict, must};
use crate::recorded_request::list;

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

/// The media types of pictures.
const KINDS: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// About as many pixels of a picture are a token, of which none has more than these; nor has a page less than these.
const PIXELS: usize = 750;
const TOKENS: usize = 1_600;

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
    let given = block["source"]["media_type"].as_str().unwrap_or_default();
    must(KINDS.contains(&given), || {
        format!("{at}.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'")
    })?;
    let bytes = data.len();
    must(bytes <= PICTURE, || format!("{at}: image exceeds 5 MB maximum: {bytes} bytes > {PICTURE} bytes"))?;
    // What it can't read it takes: scripts may well have pictures that are none.
    let file = STANDARD.decode(data).unwrap_or_default();
    let kind = kind(&file).unwrap_or(given);
    must(kind == given, || {
        format!(
            "{at}: The image was specified using the {given} media type, but the image appears to be a {kind} image"
        )
    })?;
    let side = imagesize::blob_size(&file).map_or(0, |size| size.width.max(size.height));
    let said = "At least one of the image dimensions exceed max allowed size";
    must(side <= SIDE, || format!("{at}.data: {said}: {SIDE} pixels"))?;
    must(!many || side <= SIDE_OF_MANY, || {
        format!("{at}.data: {said} for many-image requests: {SIDE_OF_MANY} pixels")
    })
}

/// What kind of picture it is, if that can be seen.
fn kind(file: &[u8]) -> Option<&'static str> {
    use imagesize::ImageType::{Gif, Jpeg, Png, Webp};
    match imagesize::image_type(file).ok()? {
        Jpeg => Some(KINDS[0]),
        Png => Some(KINDS[1]),
        Gif => Some(KINDS[2]),
        Webp => Some(KINDS[3]),
        _ => None,
    }
}

/// About how many tokens a picture or a file has; none for what is words.
pub(super) fn tokens(block: &Value) -> usize {
    let source = &block["source"];
    match (block["type"].as_str(), source["type"].as_str()) {
        (Some("image"), _) => {
            let file =
                source["data"].as_str().and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
            let pixels = |size: imagesize::ImageSize| size.width.saturating_mul(size.height);
            imagesize::blob_size(&file).map_or(TOKENS, |size| (pixels(size) / PIXELS).clamp(1, TOKENS))
        }
        (Some("document"), Some("base64" | "url" | "file")) => pages(block).max(1) * TOKENS,
        _ => 0,
    }
}

/// How many pages a PDF has; none if it keeps them compressed, or is elsewhere.
fn pages(block: &Value) -> usize {
    let data = block["source"]["data"].as_str().filter(|_| block["source"]["type"] == "base64");
    let file = data.and_then(|data| STANDARD.decode(data).ok()).unwrap_or_default();
    let file = String::from_utf8_lossy(&file).replace("/Type/", "/Type /");
    file.matches("/Type /Page").count() - file.matches("/Type /Pages").count()
}

fn document(block: &Value, at: &str) -> Verdict {
    let pages = pages(block);
    must(pages <= PAGES, || {
        format!("{at}.pdf.source.base64.data: A maximum of {PAGES} PDF pages may be provided.")
    })
}
