//! What servers write that the API does not: `null` for what is not there, ids that are numbers.

use serde_json::value::RawValue;

use crate::{Json, message::fields::Fields};

/// What a field must hold.
#[derive(Clone, Copy)]
enum Needs {
    /// Text, which may still be to come.
    Words,
    /// The id of a call of ours. One that is empty is made up when the call is recorded.
    OwnId,
    /// An id that others name.
    Id,
    /// The input of a call, an object.
    Input,
    /// Anything, if it is there at all.
    Anything,
}

/// The block with each field that is `null`, absent or of another shape as it must be to be read and sent back; `None`
/// if nothing is to be mended. The rule is the same for what is streamed, what is not, and what was saved.
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
