//! Sessions on the command line; see `journal-tools`.

use crate::task::{Done, run_package};

/// Shows or changes what is in a journal.
pub(crate) fn run(arguments: &[&str]) -> Done {
    run_package("journal-tools", &[&["sessions"], arguments].concat())
}
