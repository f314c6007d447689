//! Our client and our server.

#![allow(clippy::unwrap_used)]

mod keys;
mod restarts;
