//! Checks messages and the parts of their contents.

use serde_json::Value;

use super::item_fields::{STATUS, check_prefix};
use crate::openai::{
    errors::{Verdict, empty_array, invalid_type, invalid_value, missing, must, refuse},
    fields::{
        Field::{self, Any, List, Object, Text, Word},
        check_fields, required_text, within,
    },
    pictures::check_picture,
    rules::Rules,
};

const ROLES: [&str; 4] = ["assistant", "system", "developer", "user"];

const MESSAGE: [(&str, Field); 6] = [
    ("type", Text),
    ("role", Text),
    ("content", Any),
    ("id", Text),
    ("status", STATUS),
    ("phase", Word(&["commentary", "final_answer"])),
];

/// The fields of a part, by its type. The first one must be there.
const PARTS: [(&str, &[(&str, Field)]); 6] = [
    ("input_text", &[("text", Text)]),
    ("input_image", &[("image_url", Text), ("file_id", Text), ("detail", DETAIL)]),
    (
        "input_file",
        &[("file_data", Text), ("file_url", Text), ("file_id", Text), ("filename", Text), ("detail", DETAIL)],
    ),
    ("input_audio", &[("input_audio", Object)]),
    ("output_text", &[("text", Text), ("annotations", List), ("logprobs", List)]),
    ("refusal", &[("refusal", Text)]),
];

const DETAIL: Field = Word(&["auto", "low", "high", "original"]);

/// Checks a message at this place.
pub(super) fn check(message: &Value, at: &str, rules: Rules) -> Verdict {
    let role = required_text(message, at, "role")?;
    must(ROLES.contains(&role), || invalid_value(&within(at, "role"), &message["role"], &ROLES))?;
    check_fields(message, at, &MESSAGE, rules)?;
    check_prefix(message, at, "msg")?;
    let known: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        _ => &["input_text", "input_image", "input_file", "input_audio"],
    };
    let at = within(at, "content");
    match &message["content"] {
        Value::Null => Err(missing(&at)),
        Value::String(_) => Ok(()),
        Value::Array(content) => {
            must(!content.is_empty(), || empty_array(&at))?;
            parts(content, &at, known, rules)
        }
        other => Err(invalid_type(&at, "one of a string or array of objects", other)),
    }
}

/// Checks parts at this place. These are the types that they may have there.
pub(super) fn parts(parts: &[Value], at: &str, known: &[&str], rules: Rules) -> Verdict {
    parts.iter().enumerate().try_for_each(|(place, one)| part(one, &format!("{at}[{place}]"), known, rules))
}

fn part(part: &Value, at: &str, known: &[&str], rules: Rules) -> Verdict {
    must(part.is_object(), || invalid_type(at, "an object", part))?;
    let kind = required_text(part, at, "type")?;
    must(known.contains(&kind), || invalid_value(&within(at, "type"), &part["type"], known))?;
    let fields = PARTS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, fields)| fields);
    let common = [("type", Text), ("prompt_cache_breakpoint", Object)];
    check_fields(part, at, &[fields, &common].concat(), rules)?;
    let says = |name: &str| !part[name].is_null();
    match kind {
        "input_image" => {
            must(says("image_url") || says("file_id"), || missing(&within(at, "image_url")))?;
            if says("image_url") {
                check_picture(&part["image_url"], &within(at, "image_url"))
            } else {
                Ok(())
            }
        }
        "input_file" => {
            let sources = ["file_data", "file_url", "file_id"].into_iter().filter(|name| says(name)).count();
            must(sources == 1, || {
                let message = "Mutually exclusive parameters: 'file_data', 'file_url' and 'file_id'. Ensure you \
                               are only providing one of them.";
                refuse(at, message).with_code("mutually_exclusive_parameters")
            })
        }
        _ => {
            let (required, _) = fields[0];
            must(says(required), || missing(&within(at, required)))
        }
    }
}
