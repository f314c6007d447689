//! Compiles and runs the programs in those chapters of the guide (`docs/guide`) that need a
//! journal.

#[doc = include_str!("../../../docs/guide/08-sessions-and-approvals.md")]
mod sessions_and_approvals {}

#[doc = include_str!("../../../docs/guide/13-crash-recovery.md")]
mod crash_recovery {}
