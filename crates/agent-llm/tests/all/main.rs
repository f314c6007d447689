//! The client against servers on loopback.
#![allow(clippy::unwrap_used)]

mod answers;
mod bad_day;
mod batches;
mod bounds;
mod broken_backends;
mod cassette;
mod common;
mod conformance;
mod context_edits;
mod counts;
mod errors;
mod gate;
mod h2_server;
mod hostile;
mod http2;
mod http_client;
mod models;
mod requests;
mod secrets;
mod signing;
mod streams;
mod survival;
mod threads;
mod timeouts;
// Elsewhere no variable says whom a machine trusts.
#[cfg(target_os = "linux")]
mod tls;
