//! The Messages API: its client and settings, its JSON, and what else only it has. It uses
//! `transport` and `wrappers`.

mod api;
mod batches;
mod build;
mod builder;
mod cache;
mod client;
mod context_edit;
mod foreign;
mod message_events;
mod messages;
mod models;
mod pages;
mod stream_parser;
#[cfg(test)]
mod tests;
mod threads;
mod tool_choice;
mod wire;

pub use batches::{Batch, BatchCounts, BatchOutcome, BatchRequest, BatchResult, BatchStatus, Batches};
pub use builder::ClaudeBuilder;
pub use cache::Cache;
pub use client::Claude;
pub use context_edit::{ClearThinking, ClearToolUses, CompactHistory, ContextEdit};
pub use stream_parser::StreamParser;
#[cfg(test)]
pub(crate) use wire::body;
