//! The tests of the loop: scripts in, transcripts and times out.

#![allow(clippy::unwrap_used)]

mod common;
mod turn;
