//! The events of a streamed reply of chat completions.

use std::collections::VecDeque;

use agent_core::{Delta, Json, LlmError, SharedText, StopReason, model::LlmErrorKind};
use serde_json::value::RawValue;

use super::{
    calls::{Calls, Piece},
    chunk::{Choice, Chunk, Message},
    reason::{Holds, stop_reason},
    reply_text::Said,
    shape::Shapes,
};
use crate::{
    openai::{
        fields::{Fields, Gathered, label, number, text},
        object::object,
        openai_blocks::{self, Others, says_nothing},
        usage,
    },
    transport::{
        block_order::{Grows, Lanes},
        error::{ErrorBody, excerpt},
        parser::ReadEvent,
        sse::Event,
    },
};

/// Reads the chunks of a reply.
#[derive(Debug, Default)]
pub(crate) struct ChatEvents {
    pub(super) shapes: Shapes,
    lanes: Lanes,
    said: Said,
    calls: Calls,
    has_begun: bool,
    /// Why the reply ended, in the server's word.
    finish_reason: Option<String>,
    /// Fields of the message that have no place in its blocks.
    others: Gathered,
    usage: Option<Json>,
    /// Fields of the reply.
    extra: Others,
    is_complete: bool,
}

impl ReadEvent for ChatEvents {
    const END: &'static str = "a finish_reason";

    fn read(&mut self, event: &Event<'_>, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(ErrorBody::in_event(&event.data));
        }
        match data {
            "" => Ok(()),
            "[DONE]" => self.end(deltas),
            _ => {
                let chunk = self.chunk(data)?;
                if chunk.choices.is_none() || chunk.error.is_some() {
                    said_instead(data)?;
                }
                let only_counts = chunk.usage.is_some() && chunk.choices.as_ref().is_none_or(Vec::is_empty);
                self.take_chunk(chunk, false, deltas)?;
                self.lanes.write(deltas);
                // What comes behind the reason is what the reply cost, and nothing more.
                if only_counts { self.end(deltas) } else { Ok(()) }
            }
        }
    }

    /// It has ended if the server has said why. Not all say `[DONE]`, too.
    fn end(&mut self, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        match self.finish_reason.take() {
            Some(word) => self.stop(Some(&word), deltas),
            None => Ok(()),
        }
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// The error that stands in the place of a chunk, if one does.
fn said_instead(data: &str) -> Result<(), LlmError> {
    ErrorBody::found(data).map_or(Ok(()), |_| Err(ErrorBody::in_event(data)))
}

/// What is no chunk is an error of the server's, or of the stream.
fn unread(error: &serde_json::Error, data: &str) -> LlmError {
    if let Err(said) = said_instead(data) {
        return said;
    }
    LlmError::new(LlmErrorKind::Malformed, format!("a chunk of the reply: {error}: {}", excerpt(data)))
}

impl ChatEvents {
    /// Takes in a chunk, or the whole body of a reply that was not streamed (`is_body`). Its blocks
    /// are not written yet.
    pub(super) fn take_chunk(
        &mut self,
        mut chunk: Chunk<'_>,
        is_body: bool,
        deltas: &mut VecDeque<Delta>,
    ) -> Result<(), LlmError> {
        let choices = chunk.choices.take().unwrap_or_default();
        self.begin(&chunk, deltas);
        for (place, choice) in (0..).zip(choices) {
            self.take_choice(place, choice, is_body)?;
        }
        if chunk.usage.is_some() || self.finish_reason.is_some() {
            self.keep(&chunk.others);
        }
        self.take_usage(chunk.usage);
        Ok(())
    }

    fn take_usage(&mut self, usage: Option<&RawValue>) {
        if let Some(usage) = usage.filter(|usage| !says_nothing(usage.get())) {
            self.usage = Some(usage.into());
        }
    }

    /// Reads a chunk. One whose shape is known tells less, which is enough between the beginning of
    /// the reply and its end.
    fn chunk<'a>(&mut self, data: &'a str) -> Result<Chunk<'a>, LlmError> {
        let goes_on = self.has_begun && self.finish_reason.is_none();
        if let Some(chunk) = goes_on.then(|| self.shapes.read(data)).flatten() {
            return Ok(chunk);
        }
        let chunk = object(data).map_err(|error| unread(&error, data))?;
        self.shapes.keep(data, &chunk);
        Ok(chunk)
    }

    /// The reply begins with the first chunk that says what it is called.
    fn begin(&mut self, chunk: &Chunk<'_>, deltas: &mut VecDeque<Delta>) {
        if self.has_begun {
            return;
        }
        let (id, model) = (chunk.id.and_then(label), chunk.model.and_then(label));
        let (id, model) = (id.map(SharedText::from), model.map(SharedText::from));
        self.has_begun = id.is_some() || model.is_some();
        self.keep(&chunk.others);
        if !self.has_begun {
            return;
        }
        deltas.push_back(Delta::Start { id, model, usage: Box::default(), extra: Others::new() });
    }

    /// Keeps the fields that have no other place.
    fn keep(&mut self, others: &Fields<'_>) {
        others.add_to(&mut self.extra);
    }

    /// Only the first of several choices is read. One without an index has that of its place.
    fn take_choice(&mut self, place: u64, choice: Choice<'_>, is_body: bool) -> Result<(), LlmError> {
        if choice.index.and_then(number).unwrap_or(place) > 0 {
            return Ok(());
        }
        if let Some(error) = choice.error.filter(|error| !says_nothing(error.get())) {
            return Err(ErrorBody::in_event(&format!("{{\"error\":{}}}", error.get())));
        }
        // Some servers write both. In a stream the message is then what has been said so far.
        match (choice.delta, choice.message) {
            (Some(delta), message) if message.is_none() || !is_body => self.take_message(delta, false),
            (_, Some(message)) => self.take_message(*message, true),
            _ => {}
        }
        self.take_usage(choice.usage);
        let word = choice.finish_reason.and_then(text).filter(|word| !word.is_empty());
        // Some servers say at the very end `stop`, whatever they have said before.
        let word = word.filter(|word| self.finish_reason.is_none() || !word.eq_ignore_ascii_case("stop"));
        self.finish_reason = word.or(self.finish_reason.take());
        Ok(())
    }

    fn take_message(&mut self, message: Message<'_>, is_whole: bool) {
        self.said.take_in(&message, &mut self.lanes);
        for (place, call) in (0..).zip(message.tool_calls.unwrap_or_default()) {
            self.calls.take_in(Piece::of(call, is_whole.then_some(place)), &mut self.lanes);
        }
        if let Some(function) = message.function_call {
            self.calls.take_in(Piece::only(function), &mut self.lanes);
        }
        self.others.take_in(&message.others);
    }

    /// The reply is over, for the reason that this word says. Of a reply that was not streamed, it
    /// may be missing.
    pub(super) fn stop(&mut self, word: Option<&str>, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        let holds = Holds { calls: !self.calls.is_empty(), refusal: self.said.has_refused() };
        let open = || Ok((StopReason::open(), None));
        let (stop_reason, stop_details) = word.map_or_else(open, |word| stop_reason(word, holds))?;
        self.lanes.end_all();
        if let Some(others) = openai_blocks::message(&self.others.fields()) {
            self.lanes.begin(others, Grows::Nothing);
        }
        self.lanes.write(deltas);
        let (usage, details) = self.usage.as_ref().map(usage::read).unwrap_or_default();
        let mut extra = std::mem::take(&mut self.extra);
        extra.extend(details.map(|details| ("usage".to_owned(), details)));
        deltas.push_back(Delta::Stop { stop_reason, stop_details, usage: usage.into(), extra });
        self.is_complete = true;
        Ok(())
    }

    /// Why the reply ended, as far as that was said.
    pub(super) fn take_finish_reason(&mut self) -> Option<String> {
        self.finish_reason.take()
    }
}
