//! Sessions on the command line; see `journal-tools`.

use crate::drill::journal_tools;
use crate::task::Done;

/// Shows or changes what is in a journal.
pub(crate) fn run(arguments: &[&str]) -> Done {
    journal_tools(&[&["sessions"], arguments].concat())
}
