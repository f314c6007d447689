//! From a request to the body of one of the Responses API.

use agent_core::{Json, Request, ToolSpec};
use serde_json::json;

use super::input;
use crate::{
    ToolChoice,
    json_text::{Object, word},
    openai::{
        answer_format, body, names::sent_name, parameters::parameters, sent_bodies::Repeated,
        settings::BodySettings,
    },
};

const MAX_TOKENS: &str = "max_output_tokens";

/// Fields of a tool that this API has, too.
const TOOL_FIELDS: [&str; 2] = ["defer_loading", "output_schema"];

/// The body of a request, which repeats nothing.
#[cfg(test)]
pub(crate) fn write_body(settings: &BodySettings, request: &Request) -> Vec<u8> {
    write(settings, request, &mut Repeated::default())
}

/// The body of a request. What the program gave as fields wins over the settings.
///
/// Unless the server is to keep replies, it keeps nothing, and reasoning comes encrypted, so that
/// it can go back with the next request.
pub(crate) fn write(settings: &BodySettings, request: &Request, repeated: &mut Repeated) -> Vec<u8> {
    body::written(settings, request, |body| {
        body.set("model", &settings.model);
        body.set(MAX_TOKENS, &request.max_tokens);
        if let Some(effort) = &settings.effort {
            body.set("reasoning", &json!({"effort": effort}));
        }
        body.set("stream", &settings.streaming);
        body.set("store", &settings.store);
        if !settings.store {
            body.put("include", |text| text.extend_from_slice(br#"["reasoning.encrypted_content"]"#));
        }
        let system = request.system_text();
        if !system.trim().is_empty() {
            body.set("instructions", &system);
        }
        body.set_tools(settings, request, repeated, tool, tool_choice);
        if let Some(text) = answer_format::text(settings, request, body.given("text")) {
            body.replace("text", &text);
        }
        let held = input::held(settings, request);
        if let Some((.., reply)) = held {
            body.set("previous_response_id", reply);
        }
        body.put("input", |text| input::write(text, settings, request, held, repeated));
    })
}

/// The most tokens that the reply may have, as the body says it.
pub(crate) fn max_tokens(settings: &BodySettings, request: &Request) -> u64 {
    body::max_tokens(settings, request, &[MAX_TOKENS])
}

/// Without `strict`, this API would take the schema as strict, which few are.
fn tool(text: &mut Vec<u8>, spec: &ToolSpec) {
    let mut tool = Object::begin(text);
    tool.set("type", "function");
    tool.put("name", |text| word(text, &sent_name(&spec.name)));
    if !spec.description.is_empty() {
        tool.set("description", &spec.description);
    }
    tool.set_json("parameters", &parameters(&spec.input_schema));
    match spec.extra.get("strict") {
        Some(strict) => tool.set_json("strict", strict),
        None => tool.set("strict", &false),
    }
    for (name, value) in TOOL_FIELDS.iter().filter_map(|name| Some((name, spec.extra.get(*name)?))) {
        tool.set_json(name, value);
    }
    tool.end();
}

fn tool_choice(choice: &ToolChoice) -> Json {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Any => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "name": sent_name(name)}),
        ToolChoice::None => json!("none"),
    }
    .into()
}
