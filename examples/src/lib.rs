//! The examples are in `examples/`: `cargo run --example hello` runs one, and none needs a key.
//!
//! What follows is the README, so that its code is compiled.
#![doc = include_str!("../../README.md")]
