//! The client against servers on loopback.
#![allow(clippy::unwrap_used)]

mod answers;
mod common;
mod errors;
mod requests;
mod streams;
mod timeouts;
