//! The examples are in `examples/`: `cargo run --example hello` runs one, and none needs a key.
//!
//! The rest of this page is the README and the overview. They are here so that their code is
//! compiled.
#![doc = include_str!("../../README.md")]
#![doc = include_str!("../../docs/overview.md")]

#[cfg(doctest)]
mod guide;
