//! A Restate server to try things with; see `restate-server`.

use crate::task::{Done, run_package};

/// Starts it, stops it, or shows where it is.
pub(crate) fn run(arguments: &[&str]) -> Done {
    run_package("restate-server", arguments)
}
