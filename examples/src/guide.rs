//! The guide (`docs/guide`), so that its programs are compiled and run. The chapters that need a crate which `cargo test`
//! does not build, or a feature that is off here, are doc tests of the crate that has it.

#[doc = include_str!("../../docs/guide/01-first-agent.md")]
mod first_agent {}

#[doc = include_str!("../../docs/guide/02-tools.md")]
mod tools {}

#[doc = include_str!("../../docs/guide/04-parallel.md")]
mod parallel {}

#[doc = include_str!("../../docs/guide/05-agents-as-tools.md")]
mod agents_as_tools {}

#[doc = include_str!("../../docs/guide/06-handoffs.md")]
mod handoffs {}

#[doc = include_str!("../../docs/guide/07-testing.md")]
mod testing {}

#[doc = include_str!("../../docs/guide/08-errors.md")]
mod errors {}

#[doc = include_str!("../../docs/guide/10-backend.md")]
mod backend {}

#[doc = include_str!("../../docs/guide/11-host.md")]
mod host {}

#[doc = include_str!("../../docs/guide/15-trip-planner.md")]
mod trip_planner {}

#[doc = include_str!("../../docs/guide/24-see-it.md")]
mod see_it {}

#[doc = include_str!("../../docs/guide/27-plans.md")]
mod plans {}

#[doc = include_str!("../../docs/guide/28-background-calls.md")]
mod background_calls {}
