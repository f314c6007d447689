//! Sessions on the command line; see `journal-tools`.

use crate::task::{Done, run_package, typed};

/// Shows or changes what is in a journal.
pub(crate) fn run() -> Done {
    run_package("journal-tools", ["sessions".into()].into_iter().chain(typed()))
}
