//! The soak; see `journal-tools`.

use options::Soak;

use crate::task::{Done, run_package};

/// Kills one long conversation until it has its answer.
pub(crate) fn run(options: &Soak) -> Done {
    run_package("journal-tools", ["soak".to_owned()].into_iter().chain(options.words()))
}
