//! Checks requests for chat completions by the rules of the API.

mod messages;
mod pairing;
mod parts;
mod tools;

use serde_json::Value;

use crate::{
    Refusal,
    json::list,
    openai::{
        check_ranges,
        errors::{Verdict, empty_array, missing, must, refuse},
        fields::{
            Field::{self, Any, Bool, Integer, List, Number, Object, Text, Word},
            check_fields,
        },
        formats::check_format,
        rules::Rules,
    },
};

/// The fields of a request. Source: `CompletionCreateParams` of the official clients, without
/// `functions` and `function_call`, which are from before there were tools.
const FIELDS: [(&str, Field); 35] = [
    ("audio", Object),
    ("frequency_penalty", Number),
    ("logit_bias", Object),
    ("logprobs", Bool),
    ("max_completion_tokens", Integer),
    ("max_tokens", Integer),
    ("messages", List),
    ("metadata", Object),
    ("modalities", List),
    ("model", Text),
    ("moderation", Any),
    ("n", Integer),
    ("parallel_tool_calls", Bool),
    ("prediction", Object),
    ("presence_penalty", Number),
    ("prompt_cache_key", Text),
    ("prompt_cache_options", Object),
    ("prompt_cache_retention", Text),
    ("reasoning_effort", Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
    ("response_format", Object),
    ("safety_identifier", Text),
    ("seed", Integer),
    ("service_tier", Text),
    ("stop", Any),
    ("store", Bool),
    ("stream", Bool),
    ("stream_options", Object),
    ("temperature", Number),
    ("tool_choice", Any),
    ("tools", List),
    ("top_logprobs", Integer),
    ("top_p", Number),
    ("user", Text),
    ("verbosity", Word(&["low", "medium", "high"])),
    ("web_search_options", Object),
];

const STREAM_OPTIONS: [(&str, Field); 2] = [("include_usage", Bool), ("include_obfuscation", Bool)];

/// Checks whether OpenAI's API would accept this body of a request for chat completions. The error
/// is the first problem found, in the API's words. Use it to test your own code that builds
/// requests; the [`Mock`](crate::Mock) server uses it for each request with a key.
///
/// A request passes if its fields are known and have the right types, roles are known, each message
/// has content that its role may have, each tool call has exactly one tool message right after it,
/// and names, ids and schemas are valid, also by the rules for strict schemas. Rules that depend on
/// the model are not checked.
///
/// ```
/// let body = serde_json::json!({"model": "m", "messages": [{"role": "robot", "content": "Hi."}]});
/// let refusal = agent_mock::check_chat(&body).unwrap_err();
/// assert_eq!(refusal.param.as_deref(), Some("messages[0].role"));
/// assert!(refusal.message.starts_with("Invalid value: 'robot'."));
/// ```
pub fn check_chat(body: &Value) -> Result<(), Refusal> {
    check_with(body, Rules::default())
}

pub(super) fn check_with(body: &Value, rules: Rules) -> Verdict {
    must(body.is_object(), || Refusal::invalid("The request body must be a JSON object"))?;
    must(!body["model"].is_null(), || Refusal::invalid("you must provide a model parameter"))?;
    check_fields(body, "", &FIELDS, rules)?;
    check_ranges(body)?;
    limits(body)?;
    must(!body["messages"].is_null(), || missing("messages"))?;
    let messages = list(&body["messages"]);
    must(!messages.is_empty(), || empty_array("messages"))?;
    messages::check(messages, rules)?;
    pairing::check(messages)?;
    tools::check(body, rules)?;
    let (format, messages) = (&body["response_format"], ("messages", &body["messages"]));
    check_format(format, "response_format", Some("json_schema"), messages, rules)
}

/// Fields that don't go together.
fn limits(body: &Value) -> Verdict {
    let both = !body["max_tokens"].is_null() && !body["max_completion_tokens"].is_null();
    must(!both, || {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        refuse("max_tokens", message).with_code("invalid_parameter_combination")
    })?;
    if body["stream_options"].is_null() {
        return Ok(());
    }
    must(body["stream"] == true, || {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        refuse("stream_options", message)
    })?;
    check_fields(&body["stream_options"], "stream_options", &STREAM_OPTIONS, Rules::default())
}

#[cfg(test)]
mod tests;
