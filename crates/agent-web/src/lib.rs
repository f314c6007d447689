//! Agent runs in a web page. It shows the sessions that somebody keeps, for example in a journal,
//! follows the events of one while it runs, and lets a person approve calls, cancel and fork.
//!
//! ```
//! use std::sync::Arc;
//!
//! use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
//! use agent_journal::Journal;
//! use agent_web::{Access, router};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("runs.journal");
//! let journal = Journal::open(&file)?;
//! let team = Team::new([Agent::builder("oracle", Script::new([Reply::text("42.")])).build()?])?;
//! let mut conversation = Conversation::start("oracle", "What is 6 * 7?").with_id("question-1");
//! let host = journal.host(team, &mut conversation).await?.keep_events();
//!
//! // In the same process or in another one:
//! let access = Access::new();
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! println!("Open {}", access.url(&format!("http://{}/", listener.local_addr()?)));
//! tokio::spawn(async move { axum::serve(listener, router(Arc::new(journal), &access)).await });
//!
//! host.run(&mut conversation).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`router`] makes the routes for any place of sessions
//!   ([`Sessions`](agent_core::sessions::Sessions)).
//! - [`Access`] says who may use them. By default that is a browser on this machine with a token.
//! - [`sse`] and [`LiveEvents`] are for a service of your own, without a journal: the events of a
//!   run in this process as server-sent events.
//! - [`ui_message_response`] is for front ends with `useChat` of the AI SDK.
//!
//! # Who waits for whom
//!
//! No run waits for a page. A page that reads too slowly, or goes away, comes back and goes on
//! after the last event that it has (`Last-Event-ID`). It misses nothing and gets nothing twice.
//! The process that runs the agents may be killed meanwhile: when another one continues the
//! session, the page goes on with its events.
//!
//! # Places of sessions
//!
//! A journal (agent-journal) is a place of sessions, and so is the client of a Restate engine
//! (agent-restate). Implement [`Sessions`](agent_core::sessions::Sessions) for a place of your own.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
#[cfg(doctest)]
mod guide;
mod json;
mod live_events;
mod page;
mod refusal;
mod router;
mod sse;
mod timelines;
mod ui_message_chunk;
mod ui_message_response;
mod ui_messages;

pub use access::{Access, InvalidToken};
pub use live_events::LiveEvents;
pub use router::router;
pub use sse::{LastEventId, sse};
pub use ui_message_chunk::{UiAgent, UiMessageChunk, UiStatus};
pub use ui_message_response::ui_message_response;
pub use ui_messages::UiMessages;
