//! The chat, over its routes and in a browser. The test says when the model's reply goes on: nothing sleeps.
#![allow(clippy::unwrap_used)]

mod browser;
mod chromium;
mod held;
mod routes;
