//! The examples are in `examples/`: `cargo run --example hello` runs one, and none needs a key.
//!
//! What follows is the README and the guide, so that their code is compiled.
#![doc = include_str!("../../README.md")]
#![doc = include_str!("../../docs/guide.md")]

#[cfg(doctest)]
mod guide;
