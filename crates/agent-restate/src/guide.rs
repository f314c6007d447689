//! Compiles the programs in the chapter of the guide (`docs/guide`) that needs an engine.

#[doc = include_str!("../../../docs/guide/14-many-machines.md")]
mod many_machines {}
