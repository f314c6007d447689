//! The events of a streamed reply of the Responses API.

use std::{borrow::Cow, collections::VecDeque, mem};

use agent_core::{Delta, LlmError, SharedText, model::LlmErrorKind};

use super::{
    end::{End, end},
    item::About,
    items::Items,
    whole::Whole,
};
use crate::{
    openai::{
        fields::{Fields, input, string},
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
                let status = kind.trim_start_matches("response.");
                match fields.get("response") {
                    Some(response) => self.end(object(response.get())?, Some(status), deltas)?,
                    None if status == "failed" => return Err(ErrorBody::in_event(data).into()),
                    None => {}
                }
            }
            "error" | "response.error" => return Err(ErrorBody::in_event(data).into()),
            kind if kind.starts_with("response.") => self.grow(kind, &fields)?,
            // What nobody here knows is passed over, unless it is an error.
            _ if ErrorBody::found(data).is_some() => return Err(ErrorBody::in_event(data).into()),
            _ => {}
        }
        self.lanes.write(deltas);
        Ok(())
    }

    /// An item begins, is whole, or grows.
    fn grow(&mut self, kind: &str, event: &Fields<'_>) -> serde_json::Result<()> {
        let about = match kind {
            "response.output_item.added" => About::Begin,
            "response.output_item.done" => About::End,
            _ => {
                self.grow_more(kind, event);
                return Ok(());
            }
        };
        let Some(item) = event.get("item") else { return Ok(()) };
        let fields = Fields::of(item.get())?;
        let place = self.items.place(event, Some(&fields), about);
        match about {
            About::End => self.items.end(place, item, &mut self.lanes)?,
            _ => self.items.begin(place, &fields, &mut self.lanes),
        }
        Ok(())
    }

    /// More of an item.
    fn grow_more(&mut self, kind: &str, event: &Fields<'_>) {
        let (items, lanes) = (&mut self.items, &mut self.lanes);
        let place = items.place(event, None, About::More);
        let words = |name: &str| event.get(name).and_then(string).unwrap_or_default();
        let part = |name: &str| event.number(name).unwrap_or(0);
        match kind {
            "response.output_text.delta" => items.say(place, part("content_index"), words("delta"), lanes),
            "response.output_text.done" => items.said(place, part("content_index"), words("text"), lanes),
            "response.refusal.delta" => items.refuse(place, part("content_index"), words("delta"), lanes),
            "response.function_call_arguments.delta" => items.call(place, words("delta"), lanes),
            "response.function_call_arguments.done" => {
                let arguments = event.get("arguments").and_then(input);
                arguments.into_iter().for_each(|arguments| items.called(place, arguments, lanes));
            }
            "response.reasoning_summary_text.delta" => {
                items.think(place, ("summary", part("summary_index")), words("delta"), lanes);
            }
            "response.reasoning_text.delta" => {
                items.think(place, ("content", part("content_index")), words("delta"), lanes);
            }
            _ => {}
        }
    }

    fn start(&mut self, response: &Fields<'_>, deltas: &mut VecDeque<Delta>) {
        if !mem::replace(&mut self.has_begun, true) {
            let (id, model) = (response.label("id"), response.label("model"));
            let (id, model) = (id.map(SharedText::from), model.map(SharedText::from));
            deltas.push_back(Delta::Start { id, model, usage: Box::default(), extra: Others::new() });
        }
    }

    /// The reply is over. It is read once more: some servers say only here what it holds. `event` is
    /// what the event says of it, if it came in one.
    pub(super) fn end(
        &mut self,
        Whole { output, fields }: Whole<'_>,
        event: Option<&str>,
        deltas: &mut VecDeque<Delta>,
    ) -> Result<(), ReadError> {
        self.start(&fields, deltas);
        let output = output.unwrap_or_default();
        for (place, item) in self.items.places(&output)?.into_iter().zip(output) {
            self.items.end(place, item, &mut self.lanes)?;
        }
        self.items.end_all(&mut self.lanes);
        let End { stop_reason, stop_details, usage, extra } = end(&fields, event, self.items.holds)?;
        self.lanes.end_all();
        self.lanes.write(deltas);
        deltas.push_back(Delta::Stop { stop_reason, stop_details, usage: usage.into(), extra });
        self.is_complete = true;
        Ok(())
    }
}
