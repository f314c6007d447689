//! What both APIs are tested for: streams, the bodies of histories, and what holds of any input.

mod almost_chat;
mod almost_responses;
mod bodies;
mod both;
mod fuzz;
mod histories;
mod streams;

use agent_core::{Delta, LlmError, Response, model::Fold};

use crate::transport::parser::{EventParser, ReadEvent, ReplyParser};

/// What came of reading a stream.
#[derive(Debug, PartialEq)]
struct Read {
    deltas: Vec<Delta>,
    end: Result<(), LlmError>,
}

impl Read {
    /// Reads the bytes of these chunks as a client does.
    fn of<'a, R: ReadEvent + Default>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut parser = EventParser::<R>::default();
        let mut deltas = Vec::new();
        let read = || {
            for chunk in chunks {
                parser.push(chunk)?;
                while let Some(delta) = parser.pull()? {
                    deltas.push(delta);
                }
            }
            if !parser.is_complete() {
                parser.finish()?;
                while let Some(delta) = parser.pull()? {
                    deltas.push(delta);
                }
            }
            Ok(())
        };
        let end = read();
        Self { deltas, end }
    }

    fn fold(self) -> Result<Response, LlmError> {
        let mut fold = Fold::default();
        self.deltas.into_iter().try_for_each(|delta| fold.push(delta))?;
        self.end?;
        fold.finish()
    }
}

/// A stream of these events, without names.
fn stream(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}
