//! What the server says: replies that are written once, before anybody asks.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// What an agent's model says: some turns of tool calls, then words. Its name is the first part of the path it is
/// asked at.
pub(crate) struct Plot {
    pub(crate) name: &'static str,
    /// Turns with calls; one more has the last words.
    pub(crate) turns: usize,
    /// Calls a turn.
    pub(crate) calls: usize,
    /// Before each reply.
    pub(crate) latency: Duration,
    /// Before each block of a streamed reply.
    pub(crate) per_block: Duration,
}

/// The plots there are.
pub(crate) const PLOTS: &[Plot] = &[
    plot("fan", 1, 16, 0, 0),
    plot("pair", 1, 2, 0, 0),
    plot("eager", 1, 8, 0, 100),
    plot("turns", 9, 4, 0, 0),
    plot("many", 3, 1, 500, 0),
    plot("long", 200, 1, 0, 0),
    plot("boss", 1, 8, 100, 0),
    plot("worker", 2, 1, 100, 0),
    plot("words", 0, 0, 0, 0),
];

/// The tool that is called, unless the agent gives work to others.
pub(crate) const TOOL: &str = "work";

/// The last words.
pub(crate) const END: &str = "All of it is done, and this is what came of it.";

const fn plot(name: &'static str, turns: usize, calls: usize, latency: u64, per_block: u64) -> Plot {
    let (latency, per_block) = (Duration::from_millis(latency), Duration::from_millis(per_block));
    Plot { name, turns, calls, latency, per_block }
}

/// One reply, in both forms.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) whole: Bytes,
    /// Events, grouped by what comes at once: a block each, if blocks take time.
    pub(crate) streamed: Vec<Vec<Bytes>>,
}

impl Plot {
    /// The plot of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PLOTS.iter().find(|plot| plot.name == name)
    }

    /// All its replies.
    pub(crate) fn write(&self) -> Vec<Written> {
        (0..=self.turns).map(|turn| written(turn, self.blocks(turn))).collect()
    }

    /// A call's id has the turn, which is how the server knows where a conversation stands.
    fn blocks(&self, turn: usize) -> Vec<Value> {
        if turn == self.turns {
            return vec![json!({"type": "text", "text": END})];
        }
        let call = |place: usize| {
            let id = format!("toolu_{turn}_{place}");
            let (name, input) = match self.name {
                "boss" => (format!("worker_{place}"), json!({"task": "Do your part."})),
                _ => (TOOL.to_owned(), json!({"turn": turn, "place": place, "path": "src/lib.rs"})),
            };
            json!({"type": "tool_use", "id": id, "name": name, "input": input})
        };
        (0..self.calls).map(call).collect()
    }
}

fn written(turn: usize, blocks: Vec<Value>) -> Written {
    let stop = if blocks[0]["type"] == "text" { "end_turn" } else { "tool_use" };
    let usage = json!({"input_tokens": 420, "output_tokens": 42, "cache_read_input_tokens": 0});
    let head = |content: &[Value], stop: Option<&str>| {
        json!({
            "id": format!("msg_{turn}"), "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
            "content": content, "stop_reason": stop, "stop_sequence": null, "usage": usage,
        })
    };
    let whole = head(&blocks, Some(stop)).to_string().into();
    let mut streamed = vec![vec![event(json!({"type": "message_start", "message": head(&[], None)}))]];
    streamed.extend(blocks.iter().enumerate().map(|(index, block)| events(index, block)));
    let last = streamed.last_mut().expect("it has its start");
    let delta = json!({"stop_reason": stop, "stop_sequence": null});
    last.push(event(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 42}})));
    last.push(event(json!({"type": "message_stop"})));
    Written { whole, streamed }
}

/// A block as the API streams it: begun empty, filled in pieces, ended.
fn events(index: usize, block: &Value) -> Vec<Bytes> {
    let mut empty = block.clone();
    let (text, kind, field) = match block["text"].as_str() {
        Some(text) => {
            empty["text"] = json!("");
            (text.to_owned(), "text_delta", "text")
        }
        None => {
            empty["input"] = json!({});
            (block["input"].to_string(), "input_json_delta", "partial_json")
        }
    };
    let mut events =
        vec![event(json!({"type": "content_block_start", "index": index, "content_block": empty}))];
    for piece in text.as_bytes().chunks(16) {
        let piece = std::str::from_utf8(piece).expect("what is said here is ASCII");
        let delta = json!({"type": kind, field: piece});
        events.push(event(json!({"type": "content_block_delta", "index": index, "delta": delta})));
    }
    events.push(event(json!({"type": "content_block_stop", "index": index})));
    events
}

fn event(data: Value) -> Bytes {
    let name = data["type"].as_str().expect("each event has a type");
    format!("event: {name}\ndata: {data}\n\n").into()
}
