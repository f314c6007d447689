//! What the tasks share: how one ends, and where the workspace is.

use std::error::Error;
use std::path::Path;

/// How a task ends. What it found goes to stdout, what is wrong is the error.
pub(crate) type Done = Result<(), Box<dyn Error>>;

/// Ends a check: prints `summary` if nothing is wrong, else fails with one finding a line.
pub(crate) fn verdict(summary: &str, wrong: &[String]) -> Done {
    if wrong.is_empty() {
        println!("{summary}");
        Ok(())
    } else {
        Err(wrong.join("\n").into())
    }
}

/// The workspace's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}
