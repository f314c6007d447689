//! From a request to the body of one of the Responses API.

use std::{borrow::Cow, collections::BTreeMap};

use agent_core::{Json, Request};
use serde::Serialize;
use serde_json::json;

use super::input::input;
use crate::{
    ToolChoice,
    openai::{
        answer_format,
        body::{self, Body},
        names::sent_name,
        parameters::parameters,
        settings::BodySettings,
    },
};

const MAX_TOKENS: &str = "max_output_tokens";

/// Fields of a tool that this API has, too.
const TOOL_FIELDS: [&str; 2] = ["defer_loading", "output_schema"];

/// The body of a request. What the program gave as fields wins over the settings.
///
/// Unless the server is to keep replies, it keeps nothing, and reasoning comes encrypted, so that
/// it can go back with the next request.
pub(crate) fn write_body(settings: &BodySettings, request: &Request) -> Vec<u8> {
    let mut body = Body::begin(settings, request);
    body.set("model", &settings.model);
    body.set(MAX_TOKENS, &request.max_tokens);
    if let Some(effort) = &settings.effort {
        body.set("reasoning", &json!({"effort": effort}));
    }
    body.set("stream", &settings.streaming);
    body.set("store", &settings.store);
    if !settings.store {
        body.set("include", &["reasoning.encrypted_content"]);
    }
    let system = request.system_text();
    if !system.trim().is_empty() {
        body.set("instructions", &system);
    }
    body.set_tools(settings, request, || tools(request), tool_choice);
    if let Some(text) = answer_format::text(settings, request, body.given("text")) {
        body.replace("text", &text);
    }
    let (items, previous) = input(settings, request);
    if let Some(previous) = previous {
        body.set("previous_response_id", previous);
    }
    body.set("input", &items);
    body.end()
}

/// The most tokens that the reply may have, as the body says it.
pub(crate) fn max_tokens(settings: &BodySettings, request: &Request) -> u64 {
    body::max_tokens(settings, request, &[MAX_TOKENS])
}

#[derive(Serialize)]
#[serde(untagged)]
enum Tool<'a> {
    Own(Function<'a>),
    Server(&'a Json),
}

#[derive(Serialize)]
struct Function<'a> {
    r#type: &'static str,
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: Cow<'a, Json>,
    /// Without it, this API would take the schema as strict, which few are.
    strict: Cow<'a, Json>,
    #[serde(flatten)]
    others: BTreeMap<&'a str, &'a Json>,
}

/// The agent's own tools, then those of the server.
fn tools(request: &Request) -> Vec<Tool<'_>> {
    let own = request.tools.iter().map(|spec| {
        let others = TOOL_FIELDS.iter().filter_map(|name| Some((*name, spec.extra.get(*name)?)));
        let strict = spec.extra.get("strict").map(Cow::Borrowed);
        Tool::Own(Function {
            r#type: "function",
            name: sent_name(&spec.name),
            description: &spec.description,
            parameters: parameters(&spec.input_schema),
            strict: strict.unwrap_or_else(|| Cow::Owned(json!(false).into())),
            others: others.collect(),
        })
    });
    own.chain(request.server_tools.iter().map(Tool::Server)).collect()
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
