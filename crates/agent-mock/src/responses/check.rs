//! Checks requests of the Responses API by its rules.

mod item_fields;
mod items;
mod messages;
mod pairing;
mod tools;

use serde_json::Value;

use crate::{
    Refusal,
    json::list,
    openai::{
        check_least, check_ranges,
        errors::{Verdict, invalid_type, invalid_value, missing, must, refuse},
        fields::{
            Field::{self, Any, Bool, Integer, List, Number, Object, Text, Word},
            check_fields,
        },
        formats::check_format,
        rules::Rules,
    },
};

/// The fields of a request. Source: `ResponseCreateParams` of the official clients.
const FIELDS: [(&str, Field); 36] = [
    ("access_programs", Any),
    ("background", Bool),
    ("background_options", Object),
    ("context_management", List),
    ("conversation", Any),
    ("image", Object),
    ("include", List),
    ("input", Any),
    ("instructions", Text),
    ("max_output_tokens", Integer),
    ("max_tool_calls", Integer),
    ("metadata", Object),
    ("model", Text),
    ("moderation", Any),
    ("parallel_tool_calls", Bool),
    ("previous_response_id", Text),
    ("prompt", Object),
    ("prompt_cache_key", Text),
    ("prompt_cache_options", Object),
    ("prompt_cache_retention", Text),
    ("reasoning", Object),
    ("safety_identifier", Text),
    ("service_tier", Text),
    ("store", Bool),
    ("stream", Bool),
    ("stream_options", Object),
    ("temperature", Number),
    ("text", Object),
    ("tool_choice", Any),
    ("tools", List),
    ("top_logprobs", Integer),
    ("top_p", Number),
    ("truncation", Word(&["auto", "disabled"])),
    ("user", Text),
    ("frequency_penalty", Number),
    ("presence_penalty", Number),
];

const REASONING: [(&str, Field); 5] = [
    ("context", Word(&["auto", "current_turn", "all_turns"])),
    ("effort", Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
    ("generate_summary", Word(&["auto", "concise", "detailed"])),
    ("mode", Text),
    ("summary", Word(&["auto", "concise", "detailed"])),
];

const TEXT: [(&str, Field); 2] = [("format", Object), ("verbosity", Word(&["low", "medium", "high"]))];

const STREAM_OPTIONS: [(&str, Field); 1] = [("include_obfuscation", Bool)];

/// What a request may want to have in a reply.
const INCLUDABLE: [&str; 8] = [
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
];

/// Checks whether OpenAI's API would accept this body of a request to the Responses API. The error
/// is the first problem found, in the API's words. Use it to test your own code that builds
/// requests; the [`Mock`](crate::Mock) server uses it for each request with a key.
///
/// A request passes if its fields are known and have the right types, messages have content that
/// their role may have, each call has exactly one output and each output has a call, reasoning is
/// followed by the item that it led to, and names, ids and schemas are valid, also by the rules for
/// strict schemas. If the request has a `previous_response_id`, its `input` must be complete: the
/// server puts the history in front before it checks. Rules that depend on the model are not
/// checked.
///
/// ```
/// let output = serde_json::json!({"type": "function_call_output", "call_id": "a", "output": "1"});
/// let body = serde_json::json!({"model": "m", "input": [output]});
/// let refusal = agent_mock::check_responses(&body).unwrap_err();
/// assert_eq!(refusal.message, "No tool call found for function call output with call_id a.");
/// ```
pub fn check_responses(body: &Value) -> Result<(), Refusal> {
    check_with(body, Rules::default())
}

pub(super) fn check_with(body: &Value, rules: Rules) -> Verdict {
    must(body.is_object(), || Refusal::invalid("The request body must be a JSON object"))?;
    must(!body["model"].is_null(), || missing("model"))?;
    check_fields(body, "", &FIELDS, rules)?;
    check_fields(&body["reasoning"], "reasoning", &REASONING, rules)?;
    check_fields(&body["text"], "text", &TEXT, rules)?;
    check_ranges(body)?;
    if !rules.compatible {
        check_least(body, "max_output_tokens", 16.0)?;
    }
    include(&body["include"])?;
    stream_options(body, rules)?;
    nothing_else_kept(body)?;
    input(body, rules)?;
    tools::check(body, rules)?;
    check_format(&body["text"]["format"], "text.format", None, ("input", &body["input"]), rules)
}

fn include(include: &Value) -> Verdict {
    list(include).iter().enumerate().try_for_each(|(place, name)| {
        let is_known = name.as_str().is_some_and(|name| INCLUDABLE.contains(&name));
        must(is_known, || invalid_value(&format!("include[{place}]"), name, &INCLUDABLE))
    })
}

fn stream_options(body: &Value, rules: Rules) -> Verdict {
    if body["stream_options"].is_null() {
        return Ok(());
    }
    must(body["stream"] == true, || {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        refuse("stream_options", message)
    })?;
    check_fields(&body["stream_options"], "stream_options", &STREAM_OPTIONS, rules)
}

/// The server keeps replies, but no conversations and no prompts.
fn nothing_else_kept(body: &Value) -> Verdict {
    for (field, what) in [("conversation", "Conversation"), ("prompt", "Prompt")] {
        let named = &body[field];
        if let Some(id) = named.as_str().or_else(|| named["id"].as_str()) {
            let message = format!("{what} with id '{id}' not found.");
            return Err(Refusal::new(404, "invalid_request_error", message).with_param(field));
        }
    }
    Ok(())
}

fn input(body: &Value, rules: Rules) -> Verdict {
    match &body["input"] {
        Value::String(_) => Ok(()),
        Value::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .try_for_each(|(place, item)| items::check(item, &format!("input[{place}]"), rules))?;
            pairing::check(items)
        }
        Value::Null | Value::Array(_) => {
            let message = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be \
                           provided.";
            Err(refuse("input", message).with_code("missing_required_parameter"))
        }
        other => Err(invalid_type("input", "one of a string or array of objects", other)),
    }
}

#[cfg(test)]
mod tests;
