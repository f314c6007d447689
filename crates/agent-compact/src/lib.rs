//! Long conversations: requests that stay within the model's window. The record of a conversation
//! always keeps all messages. Only what is sent becomes shorter.
//!
//! [`Compact`] is a wrapper around the models of a team. When a request would be too long, it lets
//! the model write a summary, which is sent instead of the earlier messages from then on. [`Window`]
//! sends only the last messages, and [`ShrinkResults`] cuts old tool results.
//!
//! ```
//! use std::sync::Arc;
//!
//! use agent_compact::Compact;
//! use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let model = Script::new([
//!     Reply::text("Tides are made by the moon and the sun. ".repeat(100)),
//!     Reply::text("The user asked what tides are. I explained them."),
//!     Reply::text("Twice a day."),
//! ]);
//! let agent = Agent::builder("guide", model.clone()).build()?;
//! let team = Team::new([agent])?.wrap_models(|llm| Arc::new(Compact::new(llm, 1_000)));
//!
//! let mut conversation = Conversation::start("guide", "What are tides?");
//! team.run(&mut conversation).await?;
//! conversation.say("How often is high tide?");
//! assert_eq!(team.run(&mut conversation).await?.text(), "Twice a day.");
//!
//! // The last request has the summary and the new question. The record has everything.
//! assert_eq!(model.requests()[2].messages.len(), 2);
//! assert_eq!(conversation.messages().len(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod as_text;
mod compact;
mod cut;
mod estimate;
mod memory;
mod notice;
mod shrink_results;
mod summary;
mod window;

pub use compact::Compact;
pub use estimate::estimate;
pub use shrink_results::ShrinkResults;
pub use window::Window;

/// The chapter of the guide, so that its program is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/21-long-conversations.md")]
mod guide {}
