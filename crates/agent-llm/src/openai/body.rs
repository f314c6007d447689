//! The body of a request, field by field.

use std::collections::BTreeMap;

use agent_core::{Json, Request};
use serde::Serialize;
use serde_json::json;

use super::settings::BodySettings;
use crate::ToolChoice;

/// A body that is being written. A field that the program gave takes the place of the client's own.
pub(super) struct Body<'a> {
    given: BTreeMap<&'a str, &'a Json>,
    /// A tool choice that was given is not forced any more.
    is_eased: bool,
    text: Vec<u8>,
}

impl<'a> Body<'a> {
    pub(super) fn begin(settings: &'a BodySettings, request: &'a Request) -> Self {
        let mut text = Vec::with_capacity(size(request));
        text.push(b'{');
        Self { given: settings.given(request), is_eased: settings.is_eased(request), text }
    }

    /// Whether the program gave this field.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// What the program gave for this field.
    pub(super) fn given(&self, name: &str) -> Option<&'a Json> {
        self.given.get(name).copied()
    }

    /// A field in the place of what the program gave.
    pub(super) fn replace<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.given.remove(name);
        self.put(name, value);
    }

    /// A field of the client's own, unless another one was given.
    pub(super) fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if !self.is_given(name) {
            self.put(name, value);
        }
    }

    /// The tools, and what is said of how the model may call them. Each is written as its API has it.
    pub(super) fn set_tools<T: Serialize, C: Serialize>(
        &mut self,
        settings: &BodySettings,
        request: &Request,
        tools: impl FnOnce() -> T,
        choice: impl FnOnce(&ToolChoice) -> C,
    ) {
        let has_tools = !request.tools.is_empty() || !request.server_tools.is_empty();
        if has_tools {
            self.set("tools", &tools());
        }
        if has_tools || self.is_given("tools") {
            if let Some(chosen) = settings.tool_choice(request) {
                self.set("tool_choice", &choice(&chosen));
            }
            if settings.disable_parallel_tool_use {
                self.set("parallel_tool_calls", &false);
            }
        }
    }

    fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        written(&mut self.text, name);
        self.text.push(b':');
        written(&mut self.text, value);
    }

    /// The whole body, with what was given at its end.
    pub(super) fn end(mut self) -> Vec<u8> {
        for (name, value) in std::mem::take(&mut self.given) {
            match name {
                "tool_choice" if self.is_eased => self.put(name, &eased(value)),
                _ => self.put(name, value),
            }
        }
        self.text.push(b'}');
        self.text
    }
}

fn written<T: Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).expect("what is sent is text, numbers and JSON, with texts as keys");
}

/// How long the body will be, about: so that a long history is not moved while it is written.
fn size(request: &Request) -> usize {
    let messages: usize = request.messages.iter().map(|message| message.json_bytes() + 64).sum();
    let tools: usize = request.tools.iter().map(|tool| tool.input_schema.text().len() + 256).sum();
    1024 + messages + tools
}

/// A tool choice that was given as JSON, where nothing is forced any more. One that forces nothing,
/// or that nobody here knows, stays as it is.
fn eased(choice: &Json) -> Json {
    let word: Option<String> = choice.parse().ok();
    let kind = || choice.parse::<BTreeMap<String, Json>>().ok()?.get("type")?.parse::<String>().ok();
    let is_forced = match word {
        Some(word) => word == "required",
        None => matches!(kind().as_deref(), Some("function" | "custom" | "mcp")),
    };
    if is_forced { json!("auto").into() } else { choice.clone() }
}

/// The most tokens that the reply may have, as the body says it in one of these fields.
pub(super) fn max_tokens(settings: &BodySettings, request: &Request, names: &[&str]) -> u64 {
    let given = settings.given(request);
    let given = names.iter().find_map(|name| given.get(name)?.parse().ok());
    given.unwrap_or(request.max_tokens.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_that_was_given_is_eased_if_it_forces() {
        let check = |choice: serde_json::Value, expected: serde_json::Value| {
            assert_eq!(eased(&Json::from(choice)), Json::from(expected));
        };
        check(json!("required"), json!("auto"));
        check(json!("none"), json!("none"));
        check(json!({"type": "function", "name": "f"}), json!("auto"));
        check(
            json!({"type": "allowed_tools", "mode": "auto"}),
            json!({"type": "allowed_tools", "mode": "auto"}),
        );
    }
}
