//! What the body of a request says besides the request itself.

use std::{collections::BTreeMap, fmt};

use agent_core::{Json, Request, SharedText};

use crate::ToolChoice;

/// The settings of a body, whichever API it is for.
#[derive(Clone)]
pub(crate) struct BodySettings {
    pub(crate) model: SharedText,
    pub(crate) streaming: bool,
    /// The server is one that speaks like OpenAI's, and may know less, or other things.
    pub(crate) is_compatible: bool,
    pub(crate) tool_choice: Option<ToolChoice>,
    pub(crate) force_every_turn: bool,
    pub(crate) disable_parallel_tool_use: bool,
    /// How much the model reasons, in the server's words.
    pub(crate) effort: Option<String>,
    /// The server keeps replies, so that a request may go on from one.
    pub(crate) store: bool,
    /// Whether the server has structured outputs, if the program has said so.
    pub(crate) structured_outputs: Option<bool>,
    pub(crate) fields: BTreeMap<String, Json>,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self {
            model: SharedText::default(),
            streaming: true,
            is_compatible: false,
            tool_choice: None,
            force_every_turn: false,
            disable_parallel_tool_use: false,
            effort: None,
            store: false,
            structured_outputs: None,
            fields: BTreeMap::new(),
        }
    }
}

/// It shows no values of fields.
impl fmt::Debug for BodySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.fields.keys().collect();
        f.debug_struct("BodySettings")
            .field("model", &self.model)
            .field("streaming", &self.streaming)
            .field("is_compatible", &self.is_compatible)
            .field("tool_choice", &self.tool_choice)
            .field("force_every_turn", &self.force_every_turn)
            .field("disable_parallel_tool_use", &self.disable_parallel_tool_use)
            .field("effort", &self.effort)
            .field("store", &self.store)
            .field("structured_outputs", &self.structured_outputs)
            .field("fields", &fields)
            .finish()
    }
}

impl BodySettings {
    /// Whether typed answers use structured outputs. Not every compatible server has them.
    pub(super) fn has_structured_outputs(&self) -> bool {
        self.structured_outputs.unwrap_or(!self.is_compatible)
    }

    /// The fields that the program gave: those of the request win.
    pub(super) fn given<'a>(&'a self, request: &'a Request) -> BTreeMap<&'a str, &'a Json> {
        let given = self.fields.iter().chain(&request.extra);
        given.map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// Whether a call that was forced is not forced any more: an agent that always must call could
    /// never answer.
    pub(super) fn is_eased(&self, request: &Request) -> bool {
        request.turns > 0 && !self.force_every_turn
    }

    /// Which tools may be called; `None` if that is not said.
    pub(super) fn tool_choice(&self, request: &Request) -> Option<ToolChoice> {
        let choice = self.tool_choice.as_ref()?;
        Some(if self.is_eased(request) { choice.eased() } else { choice.clone() })
    }
}
