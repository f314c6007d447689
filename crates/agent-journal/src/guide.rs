//! Compiles and runs the programs in those chapters of the guide (`docs/guide`) that need a
//! journal, or a feature that others have off.

#[doc = include_str!("../../../docs/guide/09-sessions-and-approvals.md")]
mod sessions_and_approvals {}

#[doc = include_str!("../../../docs/guide/13-crash-recovery.md")]
mod crash_recovery {}

#[doc = include_str!("../../../docs/guide/16-support-team.md")]
mod support_team {}

#[doc = include_str!("../../../docs/guide/22-budgets.md")]
mod budgets {}
