//! Checks the addresses of pictures.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::errors::{Verdict, invalid_type, must, refuse};

/// The types of pictures that a model can read.
const TYPES: [&str; 4] = ["png", "jpeg", "gif", "webp"];

/// Checks the address of a picture: a URL, or its data in one.
pub(crate) fn check_picture(url: &Value, param: &str) -> Verdict {
    let Some(text) = url.as_str() else { return Err(invalid_type(param, "a string", url)) };
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok(());
    }
    let data = text.strip_prefix("data:").ok_or_else(|| {
        let message =
            format!("Invalid '{param}'. Expected a valid URL, but got a value with an invalid format.");
        refuse(param, message).with_code("invalid_value")
    })?;
    let (media_type, data) = data.split_once(";base64,").unwrap_or((data, ""));
    let kind = media_type.strip_prefix("image/").unwrap_or_default();
    must(TYPES.contains(&kind), || {
        let message = "You uploaded an unsupported image. Please make sure your image has of one the following \
                       formats: ['png', 'jpeg', 'gif', 'webp'].";
        refuse(param, message).with_code("invalid_image_format")
    })?;
    must(!data.is_empty() && STANDARD.decode(data).is_ok(), || {
        let message = format!(
            "Invalid '{param}'. Expected a base64-encoded data URL with an image MIME type, but got a value \
             without valid base64-encoded data."
        );
        refuse(param, message).with_code("invalid_base64")
    })
}
