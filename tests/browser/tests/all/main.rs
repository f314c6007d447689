//! Pages in a browser: of the chat, of sessions, of timelines. The tests say when a model's reply goes on: nothing sleeps.
#![allow(clippy::unwrap_used)]

mod browser;
mod chromium;
#[path = "../../../../examples/chat/tests/all/held.rs"]
mod held;
mod live;
mod restate;
#[path = "../../../../crates/agent-web/tests/all/team.rs"]
mod team;
mod timeline;
mod ui_messages;
