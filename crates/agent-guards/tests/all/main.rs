//! Guards around models and tools of whole runs.
#![allow(clippy::unwrap_used)]

mod breaker;
mod calls;
mod common;
mod input;
mod output;
mod redact;
mod retries;
mod teams;
mod windows;
