//! What the tasks share: how one ends, where the workspace is, and how a package runs that is built only for who asks.

use std::env;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io::{Write, stderr};
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

/// The words after the task's name, as they were typed.
pub(crate) fn typed() -> impl Iterator<Item = OsString> {
    env::args_os().skip(2)
}

/// Runs the program of a package that is not built by default, in the caller's folder.
pub(crate) fn run_package(package: &str, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Done {
    let why = match package {
        "restate-server" => "starts and stops a Restate server",
        "restate-tools" => "brings Restate's SDK",
        _ => "brings SQLite",
    };
    let manifest = root().join("Cargo.toml");
    builds(&format!("{package} (not built by default, because it {why})"));
    let mut cargo = cargo();
    cargo.args(["run", "--package", package, "--manifest-path"]).arg(manifest).arg("--").args(words);
    match cargo.status()?.success() {
        true => Ok(()),
        false => Err(format!("{package} failed, see above").into()),
    }
}

/// Says what is built now, if it is not built yet, and why. Cargo's progress comes after it, on standard error, too.
pub(crate) fn builds(what: &str) {
    // Where that can't be said, cargo can't say anything either.
    let _ = writeln!(stderr(), "xtask: runs {what}");
}

/// Cargo, the one that runs this.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
