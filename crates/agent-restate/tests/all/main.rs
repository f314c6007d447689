//! Tests of the services on a server of their own. Where it can't be installed, each test says so
//! and passes.

#![allow(clippy::unwrap_used)]

mod budgets;
mod calls_that_ask;
mod cancelling;
mod common;
mod crashes;
mod cutting;
mod detached;
mod early;
mod equal_calls;
mod errors;
mod events;
mod forks;
mod gone;
mod handoffs;
mod hosts;
mod limits;
mod mcp;
mod page;
mod paying;
mod people;
mod permits;
mod plans;
mod promised;
mod runs;
mod sessions;
mod traces;
mod travels;
mod typed;
mod values;
