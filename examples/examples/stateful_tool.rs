//! Tools with state: a counter, and notes that two tools share: cargo run --example stateful_tool
//!
//! Calls may run in parallel, so the state that they change is atomic, or has a lock. Look at
//! "draw": three calls run in parallel, and each gets another number.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use agent_core::{
    Agent,
    script::{Reply, Script},
};
use agent_tools::FnTool;
use program::{print, println};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

type Notes = Arc<Mutex<BTreeMap<String, String>>>;

#[derive(Deserialize, JsonSchema)]
struct Note {
    title: String,
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The counter belongs to its tool alone: the closure owns it.
    let drawn = AtomicU32::new(0);
    let draw = FnTool::new("draw", "Draws the next number.", move || drawn.fetch_add(1, Relaxed) + 1);

    // The notes are shared: each call has a clone of the `Arc`, and so has the program.
    let notes = Notes::default();
    let write =
        |notes: Notes, note: Note| drop(notes.lock().expect("no panic").insert(note.title, note.text));
    let count = |notes: Notes| notes.lock().expect("no panic").len();
    let write = FnTool::with_state("write", "Writes a note.", notes.clone(), write);
    let count = FnTool::with_state("count", "Counts the notes.", notes.clone(), count);

    let model = Script::new([
        Reply::call("draw", json!({})).and_call("draw", json!({})).and_call("draw", json!({})),
        Reply::call("write", json!({"title": "Numbers", "text": "1, 2 and 3"})),
        Reply::call("count", json!({})),
        Reply::text("I drew three numbers and wrote them down."),
    ]);
    let agent = Agent::builder("clerk", model).tool(draw).tool(write).tool(count.read_only()).build()?;
    let mut conversation = agent.start("Draw three numbers, and note them.");
    agent.run(&mut conversation).await?;
    print!("{conversation}");
    println!("\nThe program reads the same notes: {:?}", notes.lock().expect("no panic"));
    Ok(())
}
