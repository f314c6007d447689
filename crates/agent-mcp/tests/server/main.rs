//! Tests of the server, by clients that write the protocol themselves.
#![allow(clippy::unwrap_used)]

mod approvals;
mod calls;
mod http;
mod journal;
mod keys;
mod killed;
mod listing;
mod team;
mod wire;
