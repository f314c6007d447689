//! The drill. Its package brings SQLite and is built only for who asks.

use crate::task::{Done, run_package};

/// Kills runs until they come to their end; see `journal-tools`.
pub(crate) fn run(options: &[&str]) -> Done {
    run_package("journal-tools", &[&["drill"], options].concat())
}
