//! How the API itself shortens a long history.
//!
//! Source: the official clients' `beta_context_management_config_param` and the parameters of its
//! edits, betas `context-management-2025-06-27` and `compact-2026-01-12`.

use serde_json::{Map, Value, json};

/// The field of the body that holds the edits.
pub(super) const FIELD: &str = "context_management";

const CLEARING: &str = "context-management-2025-06-27";
const COMPACTION: &str = "compact-2026-01-12";

/// One way in which the API shortens the history that a request brings, before the model reads it.
/// It is made from [`CompactHistory`], [`ClearToolUses`] or [`ClearThinking`]; see
/// [`ClaudeBuilder::context_edit`](crate::ClaudeBuilder::context_edit).
#[derive(Clone, Debug, PartialEq)]
pub struct ContextEdit {
    fields: Map<String, Value>,
    /// The beta feature that it needs.
    pub(super) beta: &'static str,
}

impl ContextEdit {
    fn new(kind: &str, beta: &'static str) -> Self {
        Self { fields: Map::from_iter([("type".to_owned(), kind.into())]), beta }
    }

    fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    fn kind(&self) -> &str {
        self.fields["type"].as_str().unwrap_or_default()
    }
}

/// Adds an edit. One of the same kind is replaced.
pub(super) fn add(edits: &mut Vec<ContextEdit>, edit: ContextEdit) {
    edits.retain(|other| other.kind() != edit.kind());
    edits.push(edit);
    // The API wants thinking first, and compaction reads what the others have left.
    let place = |edit: &ContextEdit| match edit.kind() {
        kind if kind.starts_with("clear_thinking") => 0,
        kind if kind.starts_with("clear_tool_uses") => 1,
        _ => 2,
    };
    edits.sort_by_key(place);
}

/// The value of the field.
pub(super) fn field(edits: &[ContextEdit]) -> Value {
    json!({"edits": edits.iter().map(|edit| &edit.fields).collect::<Vec<_>>()})
}

/// The API replaces the history by a summary when it is too long (`compact_20260112`). The reply
/// then begins with a block `compaction`, which goes back with later requests. The API reads nothing
/// before that block. Unlike with `Compact` of agent-compact, the whole history is still sent.
#[derive(Clone, Debug, PartialEq)]
pub struct CompactHistory(ContextEdit);

impl CompactHistory {
    /// Compacts when a request has 150,000 tokens, which is the API's default.
    pub fn new() -> Self {
        Self(ContextEdit::new("compact_20260112", COMPACTION))
    }

    /// Compacts when a request has this many tokens of input.
    pub fn at(self, tokens: u64) -> Self {
        Self(self.0.set("trigger", input_tokens(tokens)))
    }

    /// Says more about what the summary must have.
    pub fn instructions(self, instructions: impl Into<String>) -> Self {
        Self(self.0.set("instructions", instructions.into()))
    }

    /// Whether the reply ends after the summary, with the stop reason `compaction`. A run then sends
    /// the history again, and the model continues. The default is `false`: the same reply goes on.
    pub fn pause(self, pause: bool) -> Self {
        Self(self.0.set("pause_after_compaction", pause))
    }
}

/// The API leaves out old tool results when the history is long (`clear_tool_uses_20250919`). The
/// model reads a note in their place.
#[derive(Clone, Debug, PartialEq)]
pub struct ClearToolUses(ContextEdit);

impl ClearToolUses {
    /// Clears with the API's own defaults.
    pub fn new() -> Self {
        Self(ContextEdit::new("clear_tool_uses_20250919", CLEARING))
    }

    /// Clears when a request has this many tokens of input. It replaces
    /// [`at_tool_uses`](Self::at_tool_uses).
    pub fn at(self, tokens: u64) -> Self {
        Self(self.0.set("trigger", input_tokens(tokens)))
    }

    /// Clears when a request has this many tool calls. It replaces [`at`](Self::at).
    pub fn at_tool_uses(self, calls: u32) -> Self {
        Self(self.0.set("trigger", tool_uses(calls)))
    }

    /// How many of the last calls keep their results.
    pub fn keep(self, calls: u32) -> Self {
        Self(self.0.set("keep", tool_uses(calls)))
    }

    /// Clears only if at least this many tokens can be cleared. Each clearing rewrites the prompt
    /// cache, so a little is not worth it.
    pub fn at_least(self, tokens: u64) -> Self {
        Self(self.0.set("clear_at_least", input_tokens(tokens)))
    }

    /// The tools whose results always stay.
    pub fn except<T: Into<String>>(self, tools: impl IntoIterator<Item = T>) -> Self {
        let tools: Vec<String> = tools.into_iter().map(T::into).collect();
        Self(self.0.set("exclude_tools", tools))
    }

    /// Whether the inputs of the calls are cleared, too. By default only the results are.
    pub fn inputs(self, clear: bool) -> Self {
        Self(self.0.set("clear_tool_inputs", clear))
    }
}

/// The API leaves out the thinking of earlier turns (`clear_thinking_20251015`).
#[derive(Clone, Debug, PartialEq)]
pub struct ClearThinking(ContextEdit);

impl ClearThinking {
    /// Keeps the thinking of this many of the last turns.
    pub fn keep(turns: u32) -> Self {
        let keep = json!({"type": "thinking_turns", "value": turns});
        Self(ContextEdit::new("clear_thinking_20251015", CLEARING).set("keep", keep))
    }

    /// Keeps all thinking, which also keeps the prompt cache.
    pub fn keep_all() -> Self {
        Self(ContextEdit::new("clear_thinking_20251015", CLEARING).set("keep", "all"))
    }
}

fn input_tokens(tokens: u64) -> Value {
    json!({"type": "input_tokens", "value": tokens})
}

fn tool_uses(calls: u32) -> Value {
    json!({"type": "tool_uses", "value": calls})
}

impl Default for CompactHistory {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for ClearToolUses {
    fn default() -> Self {
        Self::new()
    }
}

impl From<CompactHistory> for ContextEdit {
    fn from(edit: CompactHistory) -> Self {
        edit.0
    }
}

impl From<ClearToolUses> for ContextEdit {
    fn from(edit: ClearToolUses) -> Self {
        edit.0
    }
}

impl From<ClearThinking> for ContextEdit {
    fn from(edit: ClearThinking) -> Self {
        edit.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edits_stand_in_the_apis_order_and_each_kind_once() {
        let mut edits = Vec::new();
        let clear = ClearToolUses::new().at(100_000).keep(3).at_least(5_000).except(["look_up"]).inputs(true);
        add(&mut edits, CompactHistory::new().at(1).into());
        add(&mut edits, CompactHistory::new().at(150_000).instructions("Be brief.").pause(true).into());
        add(&mut edits, clear.into());
        add(&mut edits, ClearThinking::keep(2).into());
        let lines = edits.iter().map(|edit| format!("{} {}\n", edit.beta, json!(edit.fields)));
        insta::assert_snapshot!(lines.collect::<String>(), @r#"
        context-management-2025-06-27 {"keep":{"type":"thinking_turns","value":2},"type":"clear_thinking_20251015"}
        context-management-2025-06-27 {"clear_at_least":{"type":"input_tokens","value":5000},"clear_tool_inputs":true,"exclude_tools":["look_up"],"keep":{"type":"tool_uses","value":3},"trigger":{"type":"input_tokens","value":100000},"type":"clear_tool_uses_20250919"}
        compact-2026-01-12 {"instructions":"Be brief.","pause_after_compaction":true,"trigger":{"type":"input_tokens","value":150000},"type":"compact_20260112"}
        "#);
    }
}
