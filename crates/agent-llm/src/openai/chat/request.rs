//! From a request to the body of one of chat completions.

use agent_core::{Json, Request, ToolSpec};
use serde_json::json;

use super::messages;
use crate::{
    ToolChoice,
    json_text::{Object, word},
    openai::{
        answer_format, body, names::sent_name, parameters::parameters, sent_bodies::Repeated,
        settings::BodySettings,
    },
};

/// The field with the most tokens of a reply: OpenAI's own, and what servers that speak like it
/// know.
const MAX_TOKENS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// The body of a request, which repeats nothing.
#[cfg(test)]
pub(crate) fn write_body(settings: &BodySettings, request: &Request) -> Vec<u8> {
    write(settings, request, &mut Repeated::default())
}

/// The body of a request. What the program gave as fields wins over the settings.
pub(crate) fn write(settings: &BodySettings, request: &Request, repeated: &mut Repeated) -> Vec<u8> {
    body::written(settings, request, |body| {
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
            body.put("stream_options", |text| text.extend_from_slice(br#"{"include_usage":true}"#));
        }
        body.set_tools(settings, request, repeated, tool, tool_choice);
        if let Some(format) = answer_format::response_format(settings, request) {
            body.set("response_format", &format);
        }
        body.put("messages", |text| messages::write(text, settings, request, repeated));
    })
}

/// The most tokens that the reply may have, as the body says it.
pub(crate) fn max_tokens(settings: &BodySettings, request: &Request) -> u64 {
    body::max_tokens(settings, request, &MAX_TOKENS)
}

fn tool(text: &mut Vec<u8>, spec: &ToolSpec) {
    text.extend_from_slice(br#"{"type":"function","function":"#);
    let mut function = Object::begin(text);
    function.put("name", |text| word(text, &sent_name(&spec.name)));
    if !spec.description.is_empty() {
        function.set("description", &spec.description);
    }
    function.set_json("parameters", &parameters(&spec.input_schema));
    spec.extra.get("strict").into_iter().for_each(|strict| function.set_json("strict", strict));
    function.end();
    text.push(b'}');
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
