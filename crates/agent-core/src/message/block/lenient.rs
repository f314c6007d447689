//! Corrects blocks of servers that write what the API does not: `null` for absent fields, and ids
//! that are numbers.

use serde_json::value::RawValue;

use crate::{Json, message::fields::Fields};

/// What a field must be, so that the block can be read and sent back.
#[derive(Clone, Copy)]
enum Needs {
    /// A text. If it is absent it is empty, since a stream may still bring it.
    Words,
    /// The id of a call of a tool of this program. If it is empty, the conversation makes one up.
    OwnId,
    /// An id that refers to another block.
    Id,
    /// The input of a call, a JSON object.
    Input,
    /// Any value. The field may be absent, but not `null`.
    Anything,
}

/// Returns the block's JSON with the fields corrected that could not be read or sent back; `None`
/// if nothing needs it. The same rule holds for streamed replies, other replies, and saved
/// conversations.
pub(super) fn mended(kind: &str, fields: &Fields<'_>, json: &Json) -> Option<Json> {
    let needs = needs(kind);
    if needs.iter().all(|(name, needs)| change(*needs, fields.get(name)).is_none()) {
        return None;
    }
    let mut mended = Fields::of(json.text()).ok()?;
    for (name, needs) in needs {
        match change(*needs, fields.get(name)) {
            Some(Change::Put(value)) => mended.set(*name, &value),
            Some(Change::Drop) => mended.retain(|other, _| other != *name),
            None => {}
        }
    }
    Some(mended.json())
}

fn needs(kind: &str) -> &'static [(&'static str, Needs)] {
    match kind {
        "text" => &[("text", Needs::Words)],
        "thinking" => &[("thinking", Needs::Words), ("signature", Needs::Anything)],
        "tool_use" => &[("id", Needs::OwnId), ("input", Needs::Input)],
        "server_tool_use" | "mcp_tool_use" => &[("id", Needs::Id), ("input", Needs::Input)],
        "tool_result" => {
            &[("tool_use_id", Needs::Id), ("content", Needs::Anything), ("is_error", Needs::Anything)]
        }
        result if result.ends_with("_tool_result") => &[("tool_use_id", Needs::Id)],
        _ => &[],
    }
}

enum Change {
    Put(Json),
    Drop,
}

fn change(needs: Needs, value: Option<&RawValue>) -> Option<Change> {
    let written = value.map(RawValue::get).filter(|written| *written != "null");
    let put = |value: serde_json::Value| Some(Change::Put(value.into()));
    match (needs, written) {
        (Needs::Words | Needs::OwnId, None) => put("".into()),
        (Needs::Input, None) => put(serde_json::json!({})),
        (Needs::Anything, None) => value.map(|_| Change::Drop),
        (Needs::OwnId | Needs::Id, Some(id)) if !id.starts_with('"') => put(id.into()),
        _ => None,
    }
}
