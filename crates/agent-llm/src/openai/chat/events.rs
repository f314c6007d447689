//! The events of a streamed reply of chat completions.

use std::collections::VecDeque;

use agent_core::{Delta, Json, LlmError, StopReason, model::LlmErrorKind};
use serde_json::value::RawValue;

use super::{
    calls::{Calls, Piece},
    reason::{Holds, stop_reason},
    reply_text::Said,
};
use crate::{
    openai::{
        fields::{Fields, Gathered, list},
        openai_blocks::{self, Others},
        usage,
    },
    transport::{
        block_order::{Grows, Lanes},
        error::{ErrorBody, excerpt},
        parser::ReadEvent,
        sse::Event,
    },
};

/// The fields of a chunk that have a place of their own, or say what every chunk says.
const NAMED: [&str; 7] = ["id", "object", "model", "choices", "usage", "error", "obfuscation"];

/// Reads the chunks of a reply.
#[derive(Debug, Default)]
pub(crate) struct ChatEvents {
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
                let chunk = Fields::of(data).map_err(|error| malformed(&error, data))?;
                if chunk.get("choices").is_none() || chunk.get("error").is_some() {
                    said_instead(data)?;
                }
                let only_counts = chunk.get("usage").is_some() && chunk.get("choices").is_none_or(is_empty);
                self.take_chunk(chunk, deltas).map_err(|error| malformed(&error, data))?;
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

fn is_empty(choices: &RawValue) -> bool {
    list(choices).is_empty()
}

/// The error that stands in the place of a chunk, if one does.
fn said_instead(data: &str) -> Result<(), LlmError> {
    ErrorBody::found(data).map_or(Ok(()), |_| Err(ErrorBody::in_event(data)))
}

fn malformed(error: &serde_json::Error, data: &str) -> LlmError {
    LlmError::new(LlmErrorKind::Malformed, format!("a chunk of the reply: {error}: {}", excerpt(data)))
}

impl ChatEvents {
    /// Takes in a chunk, or the whole body of a reply that was not streamed.
    pub(super) fn take_chunk(
        &mut self,
        mut chunk: Fields<'_>,
        deltas: &mut VecDeque<Delta>,
    ) -> serde_json::Result<()> {
        let choices = chunk.take("choices").map(list).unwrap_or_default();
        self.begin(&chunk, deltas);
        for choice in choices {
            self.take_choice(choice)?;
        }
        let usage = chunk.get("usage").map(Json::from);
        if usage.is_some() || self.finish_reason.is_some() {
            self.keep(&chunk);
        }
        self.usage = usage.or(self.usage.take());
        self.lanes.write(deltas);
        Ok(())
    }

    /// The reply begins with the first chunk that says what it is called.
    fn begin(&mut self, chunk: &Fields<'_>, deltas: &mut VecDeque<Delta>) {
        if self.has_begun {
            return;
        }
        let (id, model) = (chunk.label("id"), chunk.label("model"));
        self.has_begun = id.is_some() || model.is_some();
        self.keep(chunk);
        if !self.has_begun {
            return;
        }
        deltas.push_back(Delta::Start { id, model, usage: Box::default(), extra: Others::new() });
    }

    /// Keeps the fields that have no other place.
    fn keep(&mut self, chunk: &Fields<'_>) {
        self.extra.extend(chunk.others(&NAMED));
    }

    /// Only the first of several choices is read.
    fn take_choice(&mut self, choice: &RawValue) -> serde_json::Result<()> {
        let choice = Fields::of(choice.get())?;
        if choice.read::<u64>("index").is_some_and(|index| index > 0) {
            return Ok(());
        }
        let (message, is_whole) = match choice.get("message") {
            Some(message) => (Some(message), true),
            None => (choice.get("delta"), false),
        };
        if let Some(message) = message {
            self.take_message(Fields::of(message.get())?, is_whole)?;
        }
        let word = choice.text("finish_reason").filter(|word| !word.is_empty());
        self.finish_reason = word.or(self.finish_reason.take());
        Ok(())
    }

    fn take_message(&mut self, mut message: Fields<'_>, is_whole: bool) -> serde_json::Result<()> {
        self.said.take_in(&mut message, &mut self.lanes);
        let calls = message.take("tool_calls").map(list).unwrap_or_default();
        for (place, call) in (0..).zip(calls) {
            self.calls.take_in(Piece::read(call, is_whole.then_some(place))?, &mut self.lanes);
        }
        if let Some(call) = message.take("function_call") {
            self.calls.take_in(Piece::read_only_call(call)?, &mut self.lanes);
        }
        message.take("role");
        self.others.take_in(&message);
        Ok(())
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
