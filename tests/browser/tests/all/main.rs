//! The chat in a browser. The test says when the model's reply goes on: nothing sleeps.
#![allow(clippy::unwrap_used)]

mod browser;
mod chromium;
#[path = "../../../../examples/chat/tests/all/held.rs"]
mod held;
