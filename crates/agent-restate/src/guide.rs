//! The chapter of the guide (`docs/guide`) that needs an engine, so that its programs are compiled.

#[doc = include_str!("../../../docs/guide/14-many-machines.md")]
mod many_machines {}
