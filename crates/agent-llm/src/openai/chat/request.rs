//! From a request to the body of one of chat completions.

use std::borrow::Cow;

use agent_core::{Json, Request};
use serde::Serialize;
use serde_json::json;

use super::messages::messages;
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

/// The field with the most tokens of a reply: OpenAI's own, and what servers that speak like it
/// know.
const MAX_TOKENS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// The body of a request. What the program gave as fields wins over the settings.
pub(crate) fn write_body(settings: &BodySettings, request: &Request) -> Vec<u8> {
    let mut body = Body::begin(settings, request);
    body.set("model", &settings.model);
    let [own, compatible] = MAX_TOKENS;
    if MAX_TOKENS.iter().all(|name| !body.is_given(name)) {
        body.set(if settings.is_compatible { compatible } else { own }, &request.max_tokens);
    }
    if let Some(effort) = &settings.effort {
        body.set("reasoning_effort", effort);
    }
    body.set("stream", &settings.streaming);
    if settings.streaming {
        body.set("stream_options", &json!({"include_usage": true}));
    }
    body.set_tools(settings, request, || tools(request), tool_choice);
    if let Some(format) = answer_format::response_format(settings, request) {
        body.set("response_format", &format);
    }
    body.set("messages", &messages(settings, request));
    body.end()
}

/// The most tokens that the reply may have, as the body says it.
pub(crate) fn max_tokens(settings: &BodySettings, request: &Request) -> u64 {
    body::max_tokens(settings, request, &MAX_TOKENS)
}

#[derive(Serialize)]
#[serde(untagged)]
enum Tool<'a> {
    Own { r#type: &'static str, function: Function<'a> },
    Server(&'a Json),
}

#[derive(Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: Cow<'a, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<&'a Json>,
}

/// The agent's own tools, then those of the server.
fn tools(request: &Request) -> Vec<Tool<'_>> {
    let own = request.tools.iter().map(|spec| Tool::Own {
        r#type: "function",
        function: Function {
            name: sent_name(&spec.name),
            description: &spec.description,
            parameters: parameters(&spec.input_schema),
            strict: spec.extra.get("strict"),
        },
    });
    own.chain(request.server_tools.iter().map(Tool::Server)).collect()
}

fn tool_choice(choice: &ToolChoice) -> Json {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Any => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": sent_name(name)}}),
        ToolChoice::None => json!("none"),
    }
    .into()
}
