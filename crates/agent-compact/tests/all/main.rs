//! Runs with summaries, and what they send.

#![allow(clippy::unwrap_used)]

mod common;
mod compacting;
mod failing;
mod over_http;
mod shortening;
mod teams;
