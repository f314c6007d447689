//! The client of OpenAI's APIs against servers on loopback.
#![allow(clippy::unwrap_used)]

mod across;
mod answers;
mod any_model;
mod cassette;
mod common;
mod conformance;
mod elsewhere;
mod errors;
mod fallback;
mod records;
mod runs;
mod scripted;
mod waits;
