//! The events of a streamed reply.

use std::time::Duration;

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::{
    output::{End, Output},
    response_object,
};
use crate::{
    event_stream::EventStream,
    openai::reply_blocks::{ReplyBlock, ReplyBlockKind},
};

/// The events of a streamed reply, from `response.created` to its end.
pub(super) fn events(output: &Output<'_>) -> Vec<(Duration, Bytes)> {
    let mut writer = EventWriter { output, events: EventStream::default() };
    writer.events.pause(output.reply.latency);
    writer.push("response.created", json!({"response": response_object::begun(output)}));
    writer.push("response.in_progress", json!({"response": response_object::begun(output)}));
    for (place, block) in output.blocks().iter().enumerate() {
        writer.item(place, block);
    }
    let name = match output.end {
        End::Completed => "response.completed",
        End::Incomplete(_) => "response.incomplete",
        End::Failed => "response.failed",
    };
    writer.push(name, json!({"response": response_object::ended(output)}));
    writer.events.finish()
}

struct EventWriter<'a> {
    output: &'a Output<'a>,
    events: EventStream,
}

impl EventWriter<'_> {
    fn item(&mut self, place: usize, block: &ReplyBlock) {
        self.events.pause(block.pause);
        let begun = self.output.begun_item(place);
        self.push("response.output_item.added", json!({"output_index": place, "item": begun}));
        match &block.kind {
            ReplyBlockKind::Text => self.text(place, block),
            ReplyBlockKind::Thinking(_) => self.thinking(place, block),
            ReplyBlockKind::Call { .. } => self.call(place, block),
            ReplyBlockKind::Other(_) => {}
        }
        let item = self.output.item(place);
        self.push("response.output_item.done", json!({"output_index": place, "item": item}));
    }

    fn text(&mut self, place: usize, block: &ReplyBlock) {
        let (part, text) = (self.output.part(""), block.text());
        self.push_at(place, "response.content_part.added", json!({"content_index": 0, "part": part}));
        let (kind, field) =
            if self.output.refuses() { ("refusal", "refusal") } else { ("output_text", "text") };
        let with_logprobs = |mut fields: Value| {
            if kind == "output_text" {
                fields["logprobs"] = json!([]);
            }
            fields
        };
        for (pause, piece) in &block.pieces {
            self.events.pause(*pause);
            let delta = with_logprobs(json!({"content_index": 0, "delta": piece}));
            self.push_at(place, &format!("response.{kind}.delta"), delta);
        }
        let done = with_logprobs(json!({"content_index": 0, field: text}));
        self.push_at(place, &format!("response.{kind}.done"), done);
        let part = self.output.part(&text);
        self.push_at(place, "response.content_part.done", json!({"content_index": 0, "part": part}));
    }

    fn call(&mut self, place: usize, block: &ReplyBlock) {
        for (pause, piece) in &block.pieces {
            self.events.pause(*pause);
            self.push_at(place, "response.function_call_arguments.delta", json!({"delta": piece}));
        }
        let done = json!({"arguments": block.text()});
        self.push_at(place, "response.function_call_arguments.done", done);
    }

    /// Thinking can be read in a summary, if it says anything.
    fn thinking(&mut self, place: usize, block: &ReplyBlock) {
        let text = block.text();
        if text.is_empty() {
            return;
        }
        let part = |text: &str| json!({"summary_index": 0, "part": {"type": "summary_text", "text": text}});
        self.push_at(place, "response.reasoning_summary_part.added", part(""));
        for (pause, piece) in &block.pieces {
            self.events.pause(*pause);
            let delta = json!({"summary_index": 0, "delta": piece});
            self.push_at(place, "response.reasoning_summary_text.delta", delta);
        }
        let done = json!({"summary_index": 0, "text": text});
        self.push_at(place, "response.reasoning_summary_text.done", done);
        self.push_at(place, "response.reasoning_summary_part.done", part(&text));
    }

    /// An event about the item at this place.
    fn push_at(&mut self, place: usize, name: &str, mut fields: Value) {
        fields["output_index"] = json!(place);
        fields["item_id"] = json!(self.output.item_id(place));
        self.push(name, fields);
    }

    fn push(&mut self, name: &str, mut fields: Value) {
        fields["type"] = json!(name);
        fields["sequence_number"] = json!(self.events.len());
        self.events.push(name, &fields);
    }
}
