//! Measurements. Each is a benchmark target of the crate whose work it measures, so that only who asks builds it.

use std::env;
use std::process::Command;

use crate::task::{Done, root};

/// The name of a part, and the crate whose benchmark bears it.
const PARTS: &[(&str, &str)] = &[("stream", "agent-llm")];

/// Runs these parts, or all, in a release build.
pub(crate) fn run(parts: &[&str]) -> Done {
    let names = || PARTS.iter().map(|(name, _)| *name);
    if let Some(unknown) = parts.iter().find(|part| !names().any(|name| name == **part)) {
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(format!("bench: there is no part {unknown:?}, only: {known}").into());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for (name, package) in PARTS.iter().filter(|(name, _)| parts.is_empty() || parts.contains(name)) {
        let status = Command::new(&cargo)
            .args(["bench", "--quiet", "--package", package, "--bench", name])
            .current_dir(root())
            .status()?;
        if !status.success() {
            return Err(format!("bench: {name} failed: {status}").into());
        }
    }
    Ok(())
}
