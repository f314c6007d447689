//! The tests of the journal: runs that are stopped at any point, and files that are not valid.

#![allow(clippy::unwrap_used)]

mod approvals;
mod asking;
mod backends;
mod budgets;
mod calls_that_ask;
mod cancelling;
mod cassette;
mod common;
mod compacting;
mod cutting;
mod deciding;
mod detached;
mod early;
mod early_plans;
mod events;
mod files;
mod gone;
mod guards;
mod hosts;
mod in_flight;
mod leases;
mod limits;
mod panics;
mod promised;
mod property;
mod resuming;
mod sessions;
mod talking;
mod typed;
mod values;
mod versions;
mod writing;
