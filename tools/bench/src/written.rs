//! The replies of the server, in the form of each API: written once, before anybody asks.

mod chat;
mod claude;
mod responses;

use bytes::Bytes;
use serde_json::Value;

use crate::{plot::Said, wire::Wire};

/// One reply, in one piece and streamed.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) whole: Bytes,
    /// Events, grouped by what comes at once: a block each, if blocks take time.
    pub(crate) streamed: Vec<Vec<Bytes>>,
}

impl Written {
    /// The reply of a turn that says this.
    pub(crate) fn new(wire: Wire, turn: usize, said: &[Said]) -> Self {
        match wire {
            Wire::Claude => claude::written(turn, said),
            Wire::Chat => chat::written(turn, said),
            Wire::Responses => responses::written(turn, said),
        }
    }
}

/// A text in the pieces that a model says it in.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.as_bytes().chunks(16);
    pieces.map(|piece| std::str::from_utf8(piece).expect("what is said here is ASCII"))
}

/// An event that says its name twice, as two of the APIs have it.
fn named_event(data: Value) -> Bytes {
    let name = data["type"].as_str().expect("each event has a type");
    format!("event: {name}\ndata: {data}\n\n").into()
}
