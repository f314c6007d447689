//! Why something failed, as spans and metrics say it.

use std::borrow::Cow;

use agent_core::{End, Json, model::LlmErrorKind};
use opentelemetry::{
    KeyValue,
    trace::{SpanRef, Status},
};

use super::names::Vocabulary;
use crate::stop_word::stop_word;

/// Why something failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// One of few words, the attribute `error.type`.
    kind: Cow<'static, str>,
    /// What went wrong; may be empty.
    text: String,
}

impl Failure {
    pub(super) fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind: kind.into(), text: text.into() }
    }

    /// A request to a model failed. Without a kind it was stopped.
    pub(super) fn of_turn(kind: Option<LlmErrorKind>, text: &str) -> Self {
        let named = |kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned);
        let kind = match kind {
            Some(kind) => named(kind).map_or(Cow::Borrowed("_OTHER"), Cow::Owned),
            None => Cow::Borrowed("stopped"),
        };
        Self { kind, text: text.to_owned() }
    }

    /// The word for an end, and the failure if the end is one. Without `content`, its text has no words
    /// of models, guards and tools.
    pub(super) fn of_end(end: &End, content: bool) -> (&'static str, Option<Self>) {
        let text = match end {
            end if content => end.to_string(),
            End::Refused(details) => End::Refused(details.as_ref().map(who_refused)).to_string(),
            End::Cut(reason) => format!("the reply was cut: {}", stop_word(reason)),
            End::Other(_) => String::new(),
            end => end.to_string(),
        };
        let failure = |kind| Some(Self::new(kind, text.clone()));
        match end {
            End::Answered(_) => ("answered", None),
            End::Waiting(_) => ("waiting", None),
            End::Cut(reason) => {
                ("cut", Some(Self { kind: stop_word(reason).to_owned().into(), text: text.clone() }))
            }
            End::Refused(_) => ("refused", failure("refusal")),
            End::TurnLimit(_) => ("turn_limit", failure("turn_limit")),
            End::Budget(_) => ("budget", failure("budget")),
            _ => ("other", failure("_OTHER")),
        }
    }

    /// What went wrong; may be empty.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn attribute(&self, names: &Vocabulary) -> KeyValue {
        KeyValue::new(names.error_type, self.kind.clone())
    }

    pub(super) fn status(&self) -> Status {
        Status::error(self.text.clone())
    }

    /// Marks a span as failed.
    pub(super) fn mark(&self, span: &SpanRef<'_>, names: &Vocabulary) {
        span.set_attribute(self.attribute(names));
        span.set_status(self.status());
    }
}

/// The details of a refusal without its words.
fn who_refused(details: &Json) -> Json {
    let mut fields: serde_json::Map<String, serde_json::Value> = details.parse().unwrap_or_default();
    fields.retain(|name, _| ["guard", "refused", "category"].contains(&name.as_str()));
    // Details that name nobody would be shown as they are.
    if !fields.contains_key("guard") && !fields.contains_key("category") {
        fields.insert("category".to_owned(), "unknown".into());
    }
    serde_json::Value::from(fields).into()
}
