//! The examples are in `examples/`: `cargo run --example hello` runs one, and none needs a key.
