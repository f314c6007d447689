//! A streamed reply: bytes in, deltas out, no IO.

use std::collections::VecDeque;

use agent_core::{Delta, LlmError, model::LlmErrorKind};

use super::{
    error::ErrorBody,
    sse::{Decoder, Event},
};

/// What a transport needs to read a streamed reply. It pushes bytes and pulls deltas, until there
/// are no more bytes or the reply is complete.
pub(crate) trait ReplyParser: Send {
    /// Takes in the next bytes, which may be cut anywhere. An error if an event has no end.
    fn push(&mut self, bytes: &[u8]) -> Result<(), LlmError>;

    /// The next piece of the reply. `None` if that needs more bytes, or if the reply is complete.
    fn pull(&mut self) -> Result<Option<Delta>, LlmError>;

    /// Whether the reply has said that it is complete.
    fn is_complete(&self) -> bool;

    /// Says that there are no more bytes. An error unless the reply is complete. There may be more
    /// to pull after this.
    fn finish(&mut self) -> Result<(), LlmError>;
}

/// What an API has of its own to read a stream: what each event says.
pub(crate) trait ReadEvent: Send {
    /// What every reply ends with, for the error of a reply that does not.
    const END: &'static str;

    /// Reads an event and puts what it says at the end of `deltas`. An error ends the reply.
    fn read(&mut self, event: &Event<'_>, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError>;

    /// Whether the events so far are a complete reply.
    fn is_complete(&self) -> bool;

    /// Says that there are no more events. By that a reply is complete where a server need not say
    /// so.
    fn end(&mut self, _deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        Ok(())
    }
}

/// Reads a stream of server-sent events, whatever they say.
#[derive(Debug, Default)]
pub(crate) struct EventParser<R> {
    events: Decoder,
    ready: VecDeque<Delta>,
    reader: R,
}

impl<R> EventParser<R> {
    pub(crate) fn of(reader: R) -> Self {
        Self { events: Decoder::default(), ready: VecDeque::new(), reader }
    }
}

impl<R: ReadEvent> ReplyParser for EventParser<R> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), LlmError> {
        self.events.push(bytes)
    }

    fn pull(&mut self) -> Result<Option<Delta>, LlmError> {
        while self.ready.is_empty() && !self.reader.is_complete() {
            let Some(event) = self.events.next_event() else { break };
            self.reader.read(&event, &mut self.ready)?;
        }
        Ok(self.ready.pop_front())
    }

    fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    /// The last event may lack the blank line behind it.
    fn finish(&mut self) -> Result<(), LlmError> {
        self.events.end();
        // An event that was cut can often not be read. Then it is the cut that counts.
        match self.pull() {
            Err(error) if error.kind != LlmErrorKind::Malformed => return Err(error),
            Ok(Some(delta)) => self.ready.push_front(delta),
            _ => {}
        }
        if !self.is_complete() {
            self.reader.end(&mut self.ready)?;
        }
        match self.is_complete() {
            true => Ok(()),
            false => Err(self.broke_off()),
        }
    }
}

impl<R: ReadEvent> EventParser<R> {
    /// The error of a reply that broke off. If something else than events came, it may say why.
    fn broke_off(&self) -> LlmError {
        let stray = self.events.stray();
        // It begins with no blanks, so it is as long as it was when it was cut.
        let said = stray.trim_ascii_end();
        if let Some(error) = ErrorBody::found(said) {
            let message = error.message.clone().unwrap_or_else(|| said.to_owned());
            return error.in_reply(message);
        }
        let mut message = format!("the stream ended before {}", R::END);
        if !said.is_empty() {
            message.push_str(&format!("; it said: {said}"));
        }
        LlmError::new(LlmErrorKind::Incomplete, message)
    }
}
