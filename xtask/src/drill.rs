//! The drill. Its package brings SQLite and is built only for who asks.

use std::env;
use std::process::Command;

use crate::task::{Done, root};

/// Kills runs until they come to their end; see `journal-tools`.
pub(crate) fn run(options: &[&str]) -> Done {
    journal_tools(&[&["drill"], options].concat())
}

/// Runs the tools for journals, in the caller's folder.
pub(crate) fn journal_tools(arguments: &[&str]) -> Done {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = root().join("Cargo.toml");
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--package", "journal-tools", "--manifest-path"])
        .arg(manifest)
        .arg("--")
        .args(arguments)
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("{} did not go well", arguments[0]).into()) }
}
