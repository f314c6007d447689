//! Virtual environments of Python under `target/`, each with the packages that one task needs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::task::root;

/// The folder of a virtual environment.
pub(crate) struct Python(PathBuf);

/// What is installed.
pub(crate) struct Packages {
    /// A file with the packages and their versions.
    pub(crate) file: &'static str,
    /// Whether nothing is installed but these: not what they depend on either.
    pub(crate) alone: bool,
}

impl Python {
    /// The environment in this folder, with these packages. It is made if it is not there, or if their file has changed
    /// since; then `complete` adds what pip does not install by itself. The error says what is missing.
    pub(crate) fn with_packages(
        folder: PathBuf,
        packages: &Packages,
        complete: impl FnOnce(&Self) -> Result<(), String>,
    ) -> Result<Self, String> {
        let python = Self(folder);
        // Copied there last, so that an installation that broke off does not count.
        let installed = python.folder("requirements.txt");
        let file = packages.file;
        let wanted = fs::read(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
        let is_there = fs::read(&installed).is_ok_and(|text| text == wanted);
        if !(is_there && python.command().arg("--version").output().is_ok_and(|out| out.status.success())) {
            python.install(packages)?;
            complete(&python)?;
            fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))?;
        }
        Ok(python)
    }

    /// A file or folder in the environment's own folder.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A Python program of the workspace, to be run.
    pub(crate) fn script(&self, path: &str) -> Command {
        let mut command = self.command();
        // `-B`: no compiled files among the sources.
        command.arg("-B").arg(root().join(path));
        command
    }

    /// Downloads a package's source into a folder, in the version that the requirements name.
    pub(crate) fn download(&self, package: &str, requirements: &str, folder: &Path) -> Result<(), String> {
        let mut download = self.pip("download");
        download.args(["--no-deps", "--no-build-isolation", "--no-binary", package, package]);
        download.arg("--constraint").arg(root().join(requirements)).arg("--dest").arg(folder);
        self.fetch(&format!("pip could not download the source of {package}"), &mut download)
    }

    fn install(&self, Packages { file, alone }: &Packages) -> Result<(), String> {
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.0).output();
        good("there is no python3 that can make a virtual environment", made)?;
        eprintln!("xtask: installs {file} under target/, once");
        // Built from source, they would take a compiler and minutes.
        let mut install = self.pip("install");
        install.args(["--only-binary", ":all:", "--requirement"]).arg(root().join(file));
        install.args(alone.then_some("--no-deps"));
        self.fetch(&format!("pip could not install {file}"), &mut install)
    }

    fn pip(&self, task: &str) -> Command {
        let mut pip = self.command();
        pip.args([
            "-m",
            "pip",
            task,
            "--quiet",
            "--disable-pip-version-check",
            "--retries",
            "2",
            "--timeout",
            "30",
        ]);
        pip
    }

    /// Registries fail for moments, also in ways that pip gives up on.
    fn fetch(&self, problem: &str, pip: &mut Command) -> Result<(), String> {
        let problem = format!("{problem}; is there a network?");
        good(&problem, pip.output()).or_else(|_| good(&problem, pip.output()))
    }

    fn command(&self) -> Command {
        Command::new(self.0.join("bin/python"))
    }
}

/// Nothing if the command succeeded, else what that means with the last line of what it said.
pub(crate) fn good(problem: &str, run: io::Result<Output>) -> Result<(), String> {
    let said = match run {
        Ok(output) if output.status.success() => return Ok(()),
        // Of these two, venv complains on the one and pip on the other.
        Ok(output) => String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        Err(error) => error.to_string(),
    };
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
    Err(format!("{problem} ({})", last.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_one_line() {
        let check = |command: &str, arguments: &[&str], expected: Result<(), &str>| {
            let run = Command::new(command).args(arguments).output();
            assert_eq!(good("no", run), expected.map_err(str::to_owned), "{command} {arguments:?}");
        };
        let shell = |script| ["-c", script];
        check("sh", &shell("exit 0"), Ok(()));
        check("sh", &shell("echo one; echo two >&2; echo; exit 1"), Err("no (two)"));
        check("sh", &shell("exit 1"), Err("no (it does not say why)"));
        check("no-such-program", &[], Err("no (No such file or directory (os error 2))"));
    }
}
