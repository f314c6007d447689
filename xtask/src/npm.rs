//! Packages of npm under `target/`, each folder with those that one task needs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::python::good;

/// A folder with packages.
pub(crate) struct Npm(PathBuf);

impl Npm {
    /// The folder with these packages, which are installed if they are not there. The error says what is missing.
    pub(crate) fn with_packages(folder: PathBuf, packages: &[&str]) -> Result<Self, String> {
        // Written last, so that an installation that broke off does not count.
        let (installed, wanted) = (folder.join("installed"), packages.join(" "));
        if !fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
            eprintln!("xtask: installs {wanted} under target/, once");
            let mut npm = Command::new("npm");
            npm.arg("install").arg("--prefix").arg(&folder).args(packages);
            npm.args([
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--no-update-notifier",
                "--fetch-retries=2",
            ]);
            good("npm could not install it; are npm and its registry there?", npm.output())?;
            fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))?;
        }
        Ok(Self(folder))
    }

    /// A file of a package.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.0.join("node_modules").join(path)
    }

    /// A program of a package, run by the Node.js of [`node_package`], which must be among the packages.
    pub(crate) fn program(&self, path: &str) -> Command {
        let mut command = Command::new(self.node());
        command.arg(self.file(path));
        command
    }

    /// The Node.js among the packages.
    pub(crate) fn node(&self) -> PathBuf {
        let package = node_package();
        let (name, _) = package.split_once('@').expect("its name has a version");
        self.file(name).join("bin/node")
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

/// The package with a newer Node.js than many systems have, for this platform.
pub(crate) fn node_package() -> String {
    let system = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    let processor = if env::consts::ARCH == "aarch64" { "arm64" } else { "x64" };
    format!("node-{system}-{processor}@22")
}
