//! Why something failed, as spans and metrics say it.

use std::borrow::Cow;

use agent_core::{End, model::LlmErrorKind};
use opentelemetry::{
    KeyValue,
    trace::{SpanRef, Status},
};

use super::names::Vocabulary;

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

    /// The word for an end, and the failure if the end is one.
    pub(super) fn of_end(end: &End) -> (&'static str, Option<Self>) {
        let failure = |kind| Some(Self::new(kind, end.to_string()));
        match end {
            End::Answered(_) => ("answered", None),
            End::Waiting(_) => ("waiting", None),
            End::Cut(reason) => {
                ("cut", Some(Self { kind: reason.as_str().to_owned().into(), text: end.to_string() }))
            }
            End::Refused(_) => ("refused", failure("refusal")),
            End::TurnLimit(_) => ("turn_limit", failure("turn_limit")),
            End::Budget(_) => ("budget", failure("budget")),
            _ => ("other", failure("_OTHER")),
        }
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
