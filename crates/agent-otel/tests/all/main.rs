//! Runs, and the spans and metrics that are made of them.

#![allow(clippy::unwrap_used)]

mod common;
mod content;
mod failures;
mod hosts;
mod journal;
mod metrics;
mod parents;
mod parts;
mod processes;
mod told;
#[cfg(feature = "tracing")]
mod tracing_events;
mod transfers;
mod trees;
mod waits;
