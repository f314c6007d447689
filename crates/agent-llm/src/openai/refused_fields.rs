//! Fields of a body that a server does not know.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use agent_core::{Json, LlmError, Request};
use serde_json::{Value, json};

use super::settings::BodySettings;

/// Asks for the tokens of a streamed reply.
const OPTIONS: &str = "stream_options";

/// The most tokens of a reply, as OpenAI's newer models want it and as most other servers do.
const MAX_TOKENS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// Which fields of chat completions a server has refused. They are not sent again.
#[derive(Debug, Default)]
pub(super) struct RefusedFields {
    options: AtomicBool,
    max_tokens: AtomicBool,
}

impl RefusedFields {
    /// The request without the field that this error is about, and what was done; `None` if it is
    /// about none. What the program gave is never changed.
    pub(super) fn learn(
        &self,
        settings: &BodySettings,
        request: &Request,
        error: &LlmError,
    ) -> Option<(&'static str, Request)> {
        if !matches!(error.status, Some(400 | 422)) {
            return None;
        }
        let (field, done) = if is_about(error, OPTIONS) && !is_given(settings, request, &[OPTIONS]) {
            (&self.options, "stream_options are not sent")
        } else if is_about(error, MAX_TOKENS[usize::from(settings.is_compatible)])
            && !is_given(settings, request, &MAX_TOKENS)
        {
            (&self.max_tokens, "the most tokens are sent in another field")
        } else {
            return None;
        };
        field.store(true, Relaxed);
        Some((done, self.without(settings, request.clone())))
    }

    /// The request without the fields that were refused before.
    pub(super) fn without(&self, settings: &BodySettings, mut request: Request) -> Request {
        if self.options.load(Relaxed) && !is_given(settings, &request, &[OPTIONS]) {
            request.extra.insert(OPTIONS.to_owned(), Json::from(Value::Null));
        }
        if self.max_tokens.load(Relaxed) && !is_given(settings, &request, &MAX_TOKENS) {
            let other = MAX_TOKENS[usize::from(!settings.is_compatible)];
            let most = json!(request.max_tokens).into();
            request.extra.insert(other.to_owned(), most);
        }
        request
    }
}

fn is_given(settings: &BodySettings, request: &Request, names: &[&str]) -> bool {
    names.iter().any(|name| settings.fields.contains_key(*name) || request.extra.contains_key(*name))
}

/// Whether a server says that it does not know this field. That a value is too large is something
/// else.
fn is_about(error: &LlmError, field: &str) -> bool {
    const WORDS: [&str; 6] =
        ["unrecognized", "unsupported", "not supported", "unknown", "not permitted", "unexpected"];
    let message = error.message.to_lowercase();
    let is_named = message.match_indices(field).any(|(at, _)| !message[..at].ends_with('_'));
    is_named && WORDS.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use agent_core::{Message, model::LlmErrorKind};

    use super::*;

    /// What the extra fields are after this refusal, and in the next request.
    fn check(is_compatible: bool, message: &str, expected: Option<Value>) {
        let settings = BodySettings { is_compatible, ..BodySettings::default() };
        let request = Request::new(vec![Message::user("hi")]);
        let mut error = LlmError::new(LlmErrorKind::InvalidRequest, message);
        error.status = Some(422);
        let fields = RefusedFields::default();
        let changed = fields.learn(&settings, &request, &error).map(|(_, request)| request);
        let extra = changed.as_ref().map(|request| serde_json::to_value(&request.extra).unwrap());
        assert_eq!(extra, expected, "{message}");
        assert_eq!(fields.without(&settings, request.clone()), changed.clone().unwrap_or(request));
        if let Some(changed) = changed {
            assert_eq!(fields.learn(&settings, &changed, &error), None, "there is nothing to change again");
        }
    }

    #[test]
    fn a_field_that_is_refused_is_not_sent_again() {
        let none = Some(json!({"stream_options": null}));
        check(true, "body.stream_options: Extra inputs are not permitted", none.clone());
        check(false, "Unrecognized request argument supplied: stream_options", none);
        let newer = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        check(true, newer, Some(json!({"max_completion_tokens": 8000})));
        let older = "Unrecognized request argument supplied: max_completion_tokens";
        check(false, older, Some(json!({"max_tokens": 8000})));
        check(true, "max_tokens is too large: 8000", None);
        check(false, "Unsupported parameter: 'top_max_tokens'", None);
        check(true, older, None);
    }
}
