//! What holds of any input: streams cut anywhere, and bytes of all kinds.

mod both;
mod corpus;
mod cuts;
mod errors;
mod fuzz;

use crate::{
    StreamParser,
    any_input::{cases, cut},
};
use agent_core::{Delta, LlmError, Response, model::Fold};

/// What came of reading a stream.
#[derive(Debug, PartialEq)]
struct Read {
    deltas: Vec<Delta>,
    end: Result<(), LlmError>,
}

impl Read {
    /// Reads the bytes of these chunks as a client does.
    fn of<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut parser = StreamParser::default();
        let mut deltas = Vec::new();
        let read = || {
            for chunk in chunks {
                parser.push(chunk)?;
                while let Some(delta) = parser.pull()? {
                    deltas.push(delta);
                }
            }
            parser.finish()
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
