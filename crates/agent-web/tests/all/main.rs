//! The routes, over sockets and without.

#![allow(clippy::unwrap_used)]

mod client;
mod killed;
mod live;
mod routes;
mod team;
