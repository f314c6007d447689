//! The chat, over its routes. The test says when the model's reply goes on: nothing sleeps. `tests/browser` tries the page.
#![allow(clippy::unwrap_used)]

// One of its methods is only for the test of the page.
#[allow(dead_code)]
mod held;
mod routes;
