//! A Python that has what the checks need, apart from the system's.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::folder;
use crate::task::root;

/// The versions of what is installed.
const REQUIREMENTS: &str = "xtask/oracle/requirements.txt";

/// The package whose source holds recorded streams.
const CLIENT: &str = "anthropic";

/// The folder of a virtual environment under `target/`, made once and again when the requirements change.
pub(super) struct Python(PathBuf);

impl Python {
    /// Makes it unless it is there; the error says what is missing.
    pub(super) fn with_packages() -> Result<Self, String> {
        let python = Self(folder("venv"));
        // Copied there last, so that an installation that broke off does not count.
        let (wanted, installed) = (root().join(REQUIREMENTS), python.0.join("requirements.txt"));
        let wanted_text = fs::read(&wanted).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
        let is_there = fs::read(&installed).is_ok_and(|text| text == wanted_text);
        if !(is_there && python.command().arg("--version").output().is_ok_and(|out| out.status.success())) {
            python.install(&wanted)?;
            fs::write(&installed, wanted_text)
                .map_err(|error| format!("{}: {error}", installed.display()))?;
        }
        Ok(python)
    }

    /// A folder with the streams recorded for the client's own tests, a file each.
    pub(super) fn streams(&self) -> PathBuf {
        self.0.join("streams")
    }

    /// One of the checks' files, to be run.
    pub(super) fn script(&self, name: &str) -> Command {
        let mut command = self.command();
        // `-B`: no compiled files among the sources.
        command.arg("-B").arg(root().join("xtask/oracle").join(name));
        command
    }

    fn install(&self, requirements: &Path) -> Result<(), String> {
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.0).output();
        good("there is no python3 that can make a virtual environment", made)?;
        eprintln!("oracle: installing {REQUIREMENTS} under target/, once");
        // Built from source, they would take a compiler and minutes.
        let mut install = self.pip("install");
        install.args(["--only-binary", ":all:", "--requirement"]).arg(requirements);
        self.fetch(&format!("pip could not install {REQUIREMENTS}"), &mut install)?;
        let archives = self.0.join("archives");
        let mut download = self.pip("download");
        download.args(["--no-deps", "--no-build-isolation", "--no-binary", CLIENT, CLIENT]);
        download.arg("--constraint").arg(requirements).arg("--dest").arg(&archives);
        self.fetch(&format!("pip could not download the source of {CLIENT}"), &mut download)?;
        let unpacked = self.script("unpack.py").arg(archives).arg(self.streams()).output();
        good("the recorded streams can't be unpacked", unpacked)
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
fn good(problem: &str, run: io::Result<Output>) -> Result<(), String> {
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
