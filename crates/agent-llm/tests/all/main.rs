//! The client against servers on loopback.
#![allow(clippy::unwrap_used)]

mod answers;
mod common;
mod counts;
mod errors;
mod gate;
mod requests;
mod streams;
mod timeouts;
