//! Where things are kept: under the workspace's target folder, so that `cargo clean` removes them.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of all that this package keeps: `target/restate`.
///
/// The target folder is the one that `CARGO_TARGET_DIR` names (from the workspace's root, if it is relative), else the
/// workspace's; what cargo's configuration files say is not read.
#[must_use]
pub fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.ancestors().nth(2).expect("the package is in `tools/` of the workspace");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace.join(target).join("restate")
}
