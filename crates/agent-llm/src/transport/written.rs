//! Reading the events of a stream with a function that writes what they bring.

use std::collections::VecDeque;

use agent_core::{Delta, LlmError};

use super::{delta_writer::DeltaWriter, error::ErrorBody, parser::ReadEvent, sse::Event};

/// The data of the last event, as OpenAI's API and many that are like it have it.
const DONE: &str = "[DONE]";

/// A function that reads events, and what it has written.
pub(crate) struct Written<F> {
    read: F,
    reply: DeltaWriter,
}

impl<F> Written<F> {
    pub(crate) fn by(read: F) -> Self {
        Self { read, reply: DeltaWriter::default() }
    }

    fn pass_on(&mut self, deltas: &mut VecDeque<Delta>) {
        deltas.extend(std::iter::from_fn(|| self.reply.pull()));
    }
}

impl<F> ReadEvent for Written<F>
where
    F: FnMut(&Event<'_>, &mut DeltaWriter) -> Result<(), LlmError> + Send,
{
    const END: &'static str = "the end of the reply";

    fn read(&mut self, event: &Event<'_>, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        if is_error(event) {
            return Err(ErrorBody::in_event(&event.data));
        }
        match &*event.data {
            DONE => self.reply.finish()?,
            _ => (self.read)(event, &mut self.reply)?,
        }
        self.pass_on(deltas);
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.reply.is_finished()
    }

    /// Some servers close the stream after the stop reason, without a last event.
    fn end(&mut self, deltas: &mut VecDeque<Delta>) -> Result<(), LlmError> {
        if self.reply.has_stop() {
            self.reply.finish()?;
        }
        self.pass_on(deltas);
        Ok(())
    }
}

/// Whether an event is an error. Most are not, so the data is read only if the word is in it.
fn is_error(event: &Event<'_>) -> bool {
    event.name == "error" || (event.data.contains("\"error\"") && ErrorBody::found(&event.data).is_some())
}
