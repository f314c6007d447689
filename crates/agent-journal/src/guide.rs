//! The chapters of the guide (`docs/guide`) that need a journal, so that their programs are compiled and run.

#[doc = include_str!("../../../docs/guide/08-sessions-and-approvals.md")]
mod sessions_and_approvals {}

#[doc = include_str!("../../../docs/guide/13-crash-recovery.md")]
mod crash_recovery {}
