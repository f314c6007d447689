//! The body of a request, field by field.

use std::collections::BTreeMap;

use agent_core::{Json, Request, ToolSpec};
use serde::Serialize;
use serde_json::json;

use super::{sent_bodies::Repeated, settings::BodySettings};
use crate::{
    ToolChoice,
    json_text::{self, List, Object},
};

/// A body that is being written. A field that the program gave takes the place of the client's own.
pub(super) struct Body<'a, 't> {
    given: BTreeMap<&'a str, &'a Json>,
    /// A tool choice that was given is not forced any more.
    is_eased: bool,
    object: Object<'t>,
}

/// The body of a request, as `write` fills it in. What the program gave comes last.
pub(super) fn written<'a>(
    settings: &'a BodySettings,
    request: &'a Request,
    write: impl FnOnce(&mut Body<'a, '_>),
) -> Vec<u8> {
    let mut text = Vec::with_capacity(size(request));
    let object = Object::begin(&mut text);
    let mut body = Body { given: settings.given(request), is_eased: settings.is_eased(request), object };
    write(&mut body);
    body.end();
    text
}

impl<'a> Body<'a, '_> {
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
        self.object.set(name, value);
    }

    /// A field of the client's own, whose value `write` writes, unless another one was given.
    pub(super) fn put(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.is_given(name) {
            self.object.put(name, write);
        }
    }

    /// The same of a value that serde writes.
    pub(super) fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.put(name, |text| json_text::value(text, value));
    }

    /// The tools, first the agent's own and then those of the server, and what is said of how the
    /// model may call them. Each is written as its API has it.
    pub(super) fn set_tools(
        &mut self,
        settings: &BodySettings,
        request: &Request,
        repeated: &mut Repeated,
        tool: impl Fn(&mut Vec<u8>, &ToolSpec),
        choice: impl FnOnce(&ToolChoice) -> Json,
    ) {
        let has_tools = !request.tools.is_empty() || !request.server_tools.is_empty();
        if has_tools {
            let write = |text: &mut Vec<u8>| {
                let mut tools = List::begin(text);
                request.tools.iter().for_each(|spec| tool(tools.item(), spec));
                request.server_tools.iter().for_each(|tool| json_text::json(tools.item(), tool));
                tools.end();
            };
            self.put("tools", |text| repeated.tools(text, request, write));
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

    /// What the program gave as `null` is left out.
    fn end(mut self) {
        for (name, value) in self.given.into_iter().filter(|(_, value)| value.text() != "null") {
            match name {
                "tool_choice" if self.is_eased => self.object.set_json(name, &eased(value)),
                _ => self.object.set_json(name, value),
            }
        }
        self.object.end();
    }
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
