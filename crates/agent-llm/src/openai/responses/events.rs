//! The events of a streamed reply of the Responses API.

use std::{borrow::Cow, collections::VecDeque, mem};

use agent_core::{Delta, LlmError, SharedText, model::LlmErrorKind};

use super::{
    end::{End, end},
    items::Items,
    whole::Whole,
};
use crate::{
    openai::{
        fields::{Fields, string},
        object::object,
        openai_blocks::Others,
        unary::ReadError,
    },
    transport::{
        block_order::Lanes,
        error::{ErrorBody, excerpt},
        parser::ReadEvent,
        sse::Event,
    },
};

/// Reads the events of a reply.
#[derive(Debug, Default)]
pub(crate) struct ResponseEvents {
    lanes: Lanes,
    items: Items,
    has_begun: bool,
    is_complete: bool,
}

impl ReadEvent for ResponseEvents {
    const END: &'static str = "response.completed";

    fn read(&mut self, event: &Event<'_>, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(ErrorBody::in_event(&event.data));
        }
        if matches!(data, "" | "[DONE]") {
            return Ok(());
        }
        self.take_in(event, data, deltas).map_err(|error| match error {
            ReadError::Said(error) => error,
            ReadError::Unread(error) => {
                let message = format!("event {:?}: {error}: {}", event.name, excerpt(data));
                LlmError::new(LlmErrorKind::Malformed, message)
            }
        })
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }
}

impl ResponseEvents {
    fn take_in(
        &mut self,
        event: &Event<'_>,
        data: &str,
        deltas: &mut VecDeque<Delta>,
    ) -> Result<(), ReadError> {
        let fields = Fields::of(data)?;
        let kind = fields.word("type").filter(|kind| !kind.is_empty());
        let kind = kind.unwrap_or(Cow::Borrowed(&*event.name));
        match &*kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                if let Some(response) = fields.get("response").filter(|_| !self.has_begun) {
                    self.start(&Fields::of(response.get())?, deltas);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                if let Some(response) = fields.get("response") {
                    self.end(object(response.get())?, deltas)?;
                }
            }
            "error" => return Err(ErrorBody::in_event(data).into()),
            kind if kind.starts_with("response.") => self.grow(kind, &fields)?,
            // What nobody here knows is passed over, unless it is an error.
            _ if ErrorBody::found(data).is_some() => return Err(ErrorBody::in_event(data).into()),
            _ => {}
        }
        self.lanes.write(deltas);
        Ok(())
    }

    /// More of an item.
    fn grow(&mut self, kind: &str, event: &Fields<'_>) -> serde_json::Result<()> {
        let (items, lanes) = (&mut self.items, &mut self.lanes);
        let place = items.place(event, kind == "response.output_item.added");
        let delta = || event.get("delta").and_then(string).unwrap_or_default();
        let part = |name: &str| event.number(name).unwrap_or(0);
        match (kind, event.get("item")) {
            ("response.output_item.added", Some(item)) => {
                items.begin(place, &Fields::of(item.get())?, lanes);
            }
            ("response.output_item.done", Some(item)) => items.end(place, item, lanes)?,
            ("response.output_text.delta", _) => items.say(place, part("content_index"), delta(), lanes),
            ("response.refusal.delta", _) => items.refuse(place, part("content_index"), delta(), lanes),
            ("response.function_call_arguments.delta", _) => items.call(place, delta(), lanes),
            ("response.reasoning_summary_text.delta", _) => {
                items.think(place, ("summary", part("summary_index")), delta(), lanes);
            }
            ("response.reasoning_text.delta", _) => {
                items.think(place, ("content", part("content_index")), delta(), lanes);
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, response: &Fields<'_>, deltas: &mut VecDeque<Delta>) {
        if !mem::replace(&mut self.has_begun, true) {
            let (id, model) = (response.label("id"), response.label("model"));
            let (id, model) = (id.map(SharedText::from), model.map(SharedText::from));
            deltas.push_back(Delta::Start { id, model, usage: Box::default(), extra: Others::new() });
        }
    }

    /// The reply is over. It is read once more: some servers say only here what it holds.
    pub(super) fn end(
        &mut self,
        Whole { output, fields }: Whole<'_>,
        deltas: &mut VecDeque<Delta>,
    ) -> Result<(), ReadError> {
        self.start(&fields, deltas);
        for (place, item) in (0..).zip(output.unwrap_or_default()) {
            self.items.end(place, item, &mut self.lanes)?;
        }
        let End { stop_reason, stop_details, usage, extra } = end(&fields, self.items.holds)?;
        self.lanes.end_all();
        self.lanes.write(deltas);
        deltas.push_back(Delta::Stop { stop_reason, stop_details, usage: usage.into(), extra });
        self.is_complete = true;
        Ok(())
    }
}
