//! Checks the parts of a content, one by one.

use serde_json::Value;

use crate::openai::{
    errors::{Verdict, invalid_type, invalid_value, missing, must},
    fields::{
        Field::{self, Object, Text},
        check_fields, required_text,
    },
    pictures::check_picture,
    rules::Rules,
};

const IMAGE: [(&str, Field); 2] =
    [("url", Text), ("detail", Field::Word(&["auto", "low", "high", "original"]))];
const FILE: [(&str, Field); 3] = [("file_data", Text), ("file_id", Text), ("filename", Text)];
const AUDIO: [(&str, Field); 2] = [("data", Text), ("format", Field::Word(&["wav", "mp3"]))];

/// Checks a part at this place. These are the types that it may have there.
pub(super) fn check(part: &Value, at: &str, known: &[&str], rules: Rules) -> Verdict {
    must(part.is_object(), || invalid_type(at, "an object", part))?;
    let kind = required_text(part, at, "type")?;
    must(known.contains(&kind), || invalid_value(&format!("{at}.type"), &part["type"], known))?;
    let field = if kind == "text" || kind == "refusal" { Text } else { Object };
    let fields = [("type", Text), (kind, field), ("prompt_cache_breakpoint", Object)];
    check_fields(part, at, &fields, rules)?;
    let (value, at) = (&part[kind], format!("{at}.{kind}"));
    must(!value.is_null(), || missing(&at))?;
    match kind {
        "image_url" => {
            check_fields(value, &at, &IMAGE, rules)?;
            required_text(value, &at, "url")?;
            check_picture(&value["url"], &format!("{at}.url"))
        }
        "file" => {
            check_fields(value, &at, &FILE, rules)?;
            let has_file = !value["file_data"].is_null() || !value["file_id"].is_null();
            must(has_file, || missing(&format!("{at}.file_id")))
        }
        "input_audio" => {
            check_fields(value, &at, &AUDIO, rules)?;
            required_text(value, &at, "data")?;
            required_text(value, &at, "format").map(|_| ())
        }
        _ => Ok(()),
    }
}
