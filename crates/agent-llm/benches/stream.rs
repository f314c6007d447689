//! How fast a streamed reply is read: from bytes to deltas to the folded reply, beside a bare loop
//! that only splits the stream at blank lines and reads each event's data as a `serde_json::Value`.
//!
//! `cargo xtask bench stream`

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use agent_llm::{Fold, Response, StreamParser};
use program::println;
use serde_json::{Value, json};

/// About so many bytes has a reply,
const SIZE: usize = 250_000;
/// which come in pieces of so many.
const CHUNK: usize = 16 * 1024;
/// So many replies are a run,
const REPLIES: usize = 32;
/// and so many runs count.
const RUNS: usize = 15;

fn main() {
    println!(
        "one thread; {RUNS} runs of {REPLIES} replies, in turn with the bare loop's; MB/s: median (best)\n"
    );
    println!("{:<34}{:>10}{:>16}{:>16}{:>9}", "stream", "kB a reply", "parser", "bare loop", "ratio");
    let input = r#"{"k": "v\n"}, "#;
    for (name, stream) in [
        ("text, 12 characters a delta", deltas("text_delta", "text", "two words…\n")),
        ("text, 120 characters a delta", deltas("text_delta", "text", &"twelve words ".repeat(9))),
        ("tool input, 14 characters a delta", deltas("input_json_delta", "partial_json", input)),
        ("blocks of 200 kB", blocks()),
    ] {
        measure(name, stream.as_bytes());
    }
}

fn measure(name: &str, stream: &[u8]) {
    assert!(!reply(stream).content.is_empty());
    let mut ours = Vec::new();
    let mut bare = Vec::new();
    // In turn, so that what else the machine does slows both.
    for _ in 0..RUNS {
        ours.push(time(|| drop(black_box(reply(black_box(stream))))));
        bare.push(time(|| values(black_box(stream))));
    }
    let kilobytes = stream.len() as f64 / 1e3;
    let speed = |times: &mut Vec<Duration>| {
        times.sort();
        [times[times.len() / 2], times[0]].map(|time| kilobytes * REPLIES as f64 / 1e3 / time.as_secs_f64())
    };
    let ([ours, best], [bare, bares_best]) = (speed(&mut ours), speed(&mut bare));
    let figures = |median: f64, best: f64| format!("{median:.0} ({best:.0})");
    let ratio = ours / bare;
    println!(
        "{name:<34}{kilobytes:>10.0}{:>16}{:>16}{ratio:>9.2}",
        figures(ours, best),
        figures(bare, bares_best)
    );
}

fn time(work: impl Fn()) -> Duration {
    let begun = Instant::now();
    (0..REPLIES).for_each(|_| work());
    begun.elapsed()
}

/// What is measured.
fn reply(stream: &[u8]) -> Response {
    let mut parser = StreamParser::default();
    let mut fold = Fold::default();
    for chunk in stream.chunks(CHUNK) {
        parser.push(chunk).expect("its events are short");
        while let Some(delta) = parser.pull().expect("the stream is well formed") {
            fold.push(black_box(delta)).expect("its pieces have their blocks");
        }
    }
    parser.finish().expect("it has its end");
    fold.finish().expect("its blocks are well formed")
}

/// The least that can be done.
fn values(stream: &[u8]) {
    let stream = std::str::from_utf8(stream).expect("the stream is text");
    for event in stream.split("\n\n") {
        if let Some((_, data)) = event.split_once("data: ") {
            black_box(serde_json::from_str::<Value>(data).expect("its data is JSON"));
        }
    }
}

/// A reply of one block, in pieces as the API sends them.
fn deltas(kind: &str, field: &str, words: &str) -> String {
    let mut stream = begun();
    let block = match field {
        "text" => json!({"type": "text", "text": ""}),
        _ => json!({"type": "tool_use", "id": "toolu_01", "name": "edit", "input": {}}),
    };
    event(&mut stream, json!({"type": "content_block_start", "index": 0, "content_block": block}));
    while stream.len() < SIZE {
        let delta = json!({"type": kind, field: words});
        event(&mut stream, json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    }
    ended(stream, 0)
}

/// A reply of blocks that come whole: the results of web searches.
fn blocks() -> String {
    let page = |place: usize| {
        let url = format!("https://example.com/{place}");
        json!({"type": "web_search_result", "url": url, "title": "A page", "encrypted_content": "QUJD".repeat(500)})
    };
    let pages: Vec<Value> = (0..100).map(page).collect();
    let mut stream = begun();
    let mut index = 0;
    while stream.len() < SIZE {
        let block = json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_01", "content": pages});
        event(&mut stream, json!({"type": "content_block_start", "index": index, "content_block": block}));
        event(&mut stream, json!({"type": "content_block_stop", "index": index}));
        index += 1;
    }
    ended(stream, index)
}

fn begun() -> String {
    let mut stream = String::new();
    let usage = json!({"input_tokens": 9, "output_tokens": 1});
    let message = json!({"id": "msg_01", "model": "claude-sonnet-5-5", "content": [], "usage": usage});
    event(&mut stream, json!({"type": "message_start", "message": message}));
    stream
}

fn ended(mut stream: String, index: usize) -> String {
    event(&mut stream, json!({"type": "content_block_stop", "index": index}));
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    event(&mut stream, json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}}));
    event(&mut stream, json!({"type": "message_stop"}));
    stream
}

fn event(stream: &mut String, data: Value) {
    let name = data["type"].as_str().expect("each event has a type");
    stream.push_str(&format!("event: {name}\ndata: {data}\n\n"));
}
