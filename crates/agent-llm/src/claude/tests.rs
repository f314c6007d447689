//! What holds of any input: streams cut anywhere, and bytes of all kinds.

mod both;
mod corpus;
mod cuts;
mod errors;
mod fuzz;
mod mutate;

use agent_core::{Delta, LlmError, Response, model::Fold};
use proptest::{prelude::*, test_runner::RngAlgorithm};

use crate::StreamParser;

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

/// The bytes, cut at these places: shares of their length, of 65,536.
fn cut<'a>(mut bytes: &'a [u8], places: &[u16]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> =
        places.iter().map(|place| usize::from(*place) * bytes.len() / 0x1_0000).collect();
    places.sort_unstable_by(|a, b| b.cmp(a));
    let mut chunks = Vec::new();
    for place in places {
        let (head, tail) = bytes.split_at(place);
        chunks.push(tail);
        bytes = head;
    }
    chunks.push(bytes);
    chunks.reverse();
    chunks
}

/// So many cases, unless the environment asks for another number.
fn cases(cases: u32) -> ProptestConfig {
    // Quick chance will do.
    let rng_algorithm = RngAlgorithm::XorShift;
    let default = ProptestConfig { failure_persistence: None, rng_algorithm, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default,
        None => ProptestConfig { cases, ..default },
    }
}
