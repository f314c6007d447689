//! What the tasks share: how one ends, where the workspace is, and how a package runs that is built only for who asks.

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use program::println;

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

/// Runs the program of a package that is not built by default, in the caller's folder.
pub(crate) fn run_package(package: &str, arguments: &[&str]) -> Done {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--package", package, "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .arg("--")
        .args(arguments)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{} did not go well", arguments.first().unwrap_or(&package)).into())
}
