//! What a turn's span has of its reply.

use std::time::Duration;

use agent_core::{Block, StopReason};
use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::{content, shared::Shared};
use crate::stop_word::stop_word;

/// What is known of a reply.
pub(super) struct Reply<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) model: Option<&'a str>,
    pub(super) stop_reason: &'a StopReason,
    /// The time from the start of the turn to the first piece of the reply.
    pub(super) first_piece: Option<Duration>,
    /// What the reply says, if spans have content.
    pub(super) content: Option<Vec<Block>>,
}

impl Reply<'_> {
    /// The attributes that only a turn with a reply has. `first_chunk` is the time from when the
    /// request was sent to the first piece.
    pub(super) fn attributes(
        self,
        shared: &Shared,
        first_chunk: Option<Duration>,
    ) -> impl Iterator<Item = KeyValue> + use<> {
        let names = shared.names;
        let reason: StringValue = stop_word(self.stop_reason).to_owned().into();
        let finish_reasons = Value::Array(Array::String(vec![reason]));
        let text = |name, text: Option<&str>| text.map(|text| KeyValue::new(name, text.to_owned()));
        let output = self.content.map(|content| content::output(&content, self.stop_reason, names));
        [
            Some(KeyValue::new(names.finish_reasons, finish_reasons)),
            text(names.response_id, self.id),
            text(names.response_model, self.model),
            first_chunk.map(|time| KeyValue::new(names.time_to_first_chunk, time.as_secs_f64())),
            output.map(|output| KeyValue::new(names.output_messages, output)),
        ]
        .into_iter()
        .flatten()
    }
}
