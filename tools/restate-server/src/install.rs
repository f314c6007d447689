//! The server, from npm.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use crate::{lock, target};

/// The version that is installed.
pub const VERSION: &str = "1.7.12";

/// The platforms npm has the server for.
const PLATFORMS: &str = "Linux and macOS on x64 and arm64";

/// A server that is there to be started.
#[derive(Clone, Debug)]
pub struct Installed {
    binary: PathBuf,
}

impl Installed {
    /// The server's program.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }
}

/// Why there is no server to start. It prints one line, for tests to say why they were skipped.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// npm can't be started.
    #[error("no Restate server: npm is not installed: `{npm}` can't be started ({source})")]
    Npm {
        /// The command that was tried.
        npm: String,
        /// What the system said.
        source: io::Error,
    },
    /// npm could not install the server, most often since its registry could not be reached.
    #[error("no Restate server: npm could not install it, is its registry reachable? ({said})")]
    Registry {
        /// The line in which npm says why.
        said: String,
    },
    /// The server is not built for this platform.
    #[error(
        "no Restate server: there is none for {}-{}, only for {PLATFORMS}",
        env::consts::OS,
        env::consts::ARCH
    )]
    Platform,
    /// The folder it is installed to can't be written.
    #[error("no Restate server: {} can't be written ({source})", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The server, installed under the target folder if it is not there. That takes a network once, and blocks.
///
/// # Errors
///
/// If it is not there and can't be installed.
pub fn install() -> Result<Installed, Missing> {
    install_with("npm", &target::folder())
}

/// As [`install`], by another npm and to another folder. Those who install to one folder at the same time wait for each
/// other.
///
/// # Errors
///
/// If it is not there and can't be installed.
pub fn install_with(npm: &str, folder: &Path) -> Result<Installed, Missing> {
    let home = folder.join(format!("server-{VERSION}"));
    if let Some(installed) = find(&home) {
        return Ok(installed);
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| Missing::Folder { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let lock = folder.join("install.lock");
    let _held = lock::wait(&lock).map_err(failed(&lock))?;
    // Whoever had the lock may have installed it.
    if let Some(installed) = find(&home) {
        return Ok(installed);
    }
    // Under another name at first, so that an installation that broke off does not count.
    let part = folder.join(format!("server-{VERSION}.part"));
    eprintln!("installing the Restate server {VERSION} under {}, once", folder.display());
    let _ = fs::remove_dir_all(&part);
    fetch(npm, &part)?;
    if find(&part).is_none() {
        return Err(Missing::Platform);
    }
    fs::rename(&part, &home).map_err(failed(&home))?;
    find(&home).ok_or(Missing::Platform)
}

fn fetch(npm: &str, folder: &Path) -> Result<(), Missing> {
    let output = Command::new(npm)
        .arg("install")
        .arg("--prefix")
        .arg(folder)
        .arg(format!("@restatedev/restate-server@{VERSION}"))
        .args(["--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier"])
        // By default, npm takes more than a minute to find that there is no network.
        .args(["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-factor=2"])
        .output()
        .map_err(|source| Missing::Npm { npm: npm.to_owned(), source })?;
    if output.status.success() { Ok(()) } else { Err(Missing::Registry { said: reason(&output) }) }
}

/// npm says why in the line after its code, and then much else.
fn reason(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let errors = said.lines().filter_map(|line| line.strip_prefix("npm error "));
    let codes = ["code ", "errno ", "syscall "];
    let reason = errors.clone().find(|line| !codes.iter().any(|code| line.starts_with(code)));
    let last = || said.lines().rev().find(|line| !line.trim().is_empty());
    reason.or_else(last).unwrap_or("it does not say why").trim().to_owned()
}

/// npm installs the package of the own platform only.
fn find(home: &Path) -> Option<Installed> {
    let packages = fs::read_dir(home.join("node_modules/@restatedev")).ok()?;
    let mut binaries = packages.flatten().map(|package| package.path().join("bin/restate-server"));
    binaries.find(|binary| binary.is_file()).map(|binary| Installed { binary })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What a script in npm's place comes to.
    fn check(script: &str, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let npm = folder.path().join("npm");
        fs::write(&npm, format!("#!/bin/sh\nfolder=$3\n{script}")).unwrap();
        fs::set_permissions(&npm, fs::Permissions::from_mode(0o700)).unwrap();
        let installed = install_with(npm.to_str().unwrap(), folder.path());
        let found = installed.map(|installed| {
            installed.binary().strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()
        });
        let found = found.map_err(|missing| missing.to_string());
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{script}");
    }

    #[test]
    fn what_npm_comes_to() {
        let package = "$folder/node_modules/@restatedev/restate-server-some-where/bin";
        check(
            &format!("mkdir -p {package} && touch {package}/restate-server"),
            Ok("server-1.7.12/node_modules/@restatedev/restate-server-some-where/bin/restate-server"),
        );
        let refused = "npm could not install it, is its registry reachable?";
        check(
            "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network no host' >&2; echo 'npm error' >&2; exit 1",
            Err(&format!("no Restate server: {refused} (network no host)")),
        );
        check("exit 1", Err(&format!("no Restate server: {refused} (it does not say why)")));
        let platform = format!("{}-{}", env::consts::OS, env::consts::ARCH);
        check(
            "exit 0",
            Err(&format!("no Restate server: there is none for {platform}, only for {PLATFORMS}")),
        );
    }

    #[test]
    fn without_npm_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let missing = install_with("no-such-npm", folder.path()).unwrap_err();
        let expected =
            "no Restate server: npm is not installed: `no-such-npm` can't be started (No such file";
        assert!(missing.to_string().starts_with(expected), "{missing}");
    }
}
