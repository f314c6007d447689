//! A Python that has the client, apart from the system's.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::folder;
use crate::task::{Done, root};

/// The versions of what is installed.
const REQUIREMENTS: &str = "xtask/oracle/requirements.txt";

/// The interpreter of a virtual environment under `target/`, made once and again when the requirements change.
pub(super) struct Python(PathBuf);

impl Python {
    /// Makes it unless it is there; the error says what is missing.
    pub(super) fn with_client() -> Result<Self, String> {
        let home = folder("venv");
        let python = Self(home.join("bin/python"));
        // Copied there last, so that an installation that broke off does not count.
        let (wanted, installed) = (root().join(REQUIREMENTS), home.join("requirements.txt"));
        let wanted_text = fs::read(&wanted).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
        let is_there = fs::read(&installed).is_ok_and(|text| text == wanted_text);
        if !(is_there && python.command().arg("--version").output().is_ok_and(|out| out.status.success())) {
            python.install(&home, &wanted)?;
            fs::write(&installed, wanted_text)
                .map_err(|error| format!("{}: {error}", installed.display()))?;
        }
        Ok(python)
    }

    fn install(&self, home: &Path, requirements: &Path) -> Result<(), String> {
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(home).output();
        good("there is no python3 that can make a virtual environment", made)?;
        eprintln!("oracle: installing {REQUIREMENTS} under target/, once");
        let mut pip = self.command();
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]);
        // Built from source, they would take a compiler and minutes.
        let installed = pip.args(["--only-binary", ":all:", "--requirement"]).arg(requirements).output();
        good(&format!("pip could not install {REQUIREMENTS}; is there a network?"), installed)
    }

    /// Has requests and servers judged; the findings go to stdout.
    pub(super) fn judge(&self, requests: &Path, default: &str, scripted: &str) -> Done {
        let mut checks = self.command();
        // `-B`: no compiled files among the sources.
        let checks = checks.arg("-B").arg(root().join("xtask/oracle/main.py"));
        let status = checks.arg(requests).args([default, scripted]).status()?;
        if status.success() { Ok(()) } else { Err("oracle: not all conforms, see above".into()) }
    }

    fn command(&self) -> Command {
        Command::new(&self.0)
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
