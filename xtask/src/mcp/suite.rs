//! One run of the suite, and what it says.

use std::{error::Error, fmt, process::Command};

use serde::Serialize;

use super::{Row, known};
use crate::npm::Npm;

const PROGRAM: &str = "@modelcontextprotocol/conformance/dist/index.js";

/// Which side is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Server,
    Client,
}

/// What a revision requires of one side.
pub(super) struct Suite {
    revision: &'static str,
    pub(super) role: Role,
    /// How many scenarios that are, so that none gets lost.
    required: usize,
}

impl Suite {
    pub(super) const ALL: [Self; 4] = [
        Self { revision: "2025-11-25", role: Role::Server, required: 30 },
        Self { revision: "2025-11-25", role: Role::Client, required: 18 },
        Self { revision: "2026-07-28", role: Role::Server, required: 37 },
        Self { revision: "2026-07-28", role: Role::Client, required: 32 },
    ];

    /// Runs it against the URL of a server, or the program of a client.
    pub(super) fn run(&self, npm: &Npm, target: &str) -> Result<Row, Box<dyn Error>> {
        let output = self.command(npm, target).output()?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        // For who wants to know why something failed.
        std::fs::write(npm.folder().join(format!("{}-{}.log", self.revision, self.role)), &said)?;
        Ok(self.read(&said))
    }

    /// What is wrong with a result.
    pub(super) fn wrong(&self, row: &Row) -> Vec<String> {
        let Self { revision, role, required } = self;
        let mut wrong: Vec<String> =
            row.failed.iter().map(|name| format!("{revision}, {role}: {name} failed")).collect();
        if row.required != *required {
            wrong.push(format!(
                "{revision}, {role}: {} scenarios were run, but {required} are required",
                row.required
            ));
        }
        wrong
    }

    fn command(&self, npm: &Npm, target: &str) -> Command {
        let mut command = npm.program(PROGRAM);
        let option = match self.role {
            Role::Server => "--url",
            Role::Client => "--command",
        };
        command.args([&self.role.to_string(), option, target, "--requirements", self.revision]);
        command.args(["--timeout", "30000"]).current_dir(npm.folder());
        if let Some(known) = known() {
            command.arg("--expected-failures").arg(known);
        }
        command
    }

    /// Reads what the suite prints at its end: a line for each scenario, and then those that are not scored.
    fn read(&self, said: &str) -> Row {
        let summary = said.rsplit_once("SUMMARY ===").map_or("", |(_, summary)| summary);
        let unscored = |line: &str| {
            let (name, why) =
                line.strip_prefix("  ")?.split_once(' ')?.1.strip_suffix(')')?.split_once(" (")?;
            Some((name.to_owned(), why.to_owned()))
        };
        let unscored: Vec<(String, String)> = summary.lines().filter_map(unscored).collect();
        let mut row = Row {
            revision: self.revision,
            role: self.role,
            required: 0,
            passed: 0,
            failed: Vec::new(),
            not_scored: Default::default(),
        };
        for (name, has_passed) in summary.lines().filter_map(scenario) {
            match unscored.iter().find(|(other, _)| other == name) {
                Some((_, why)) if !has_passed => drop(row.not_scored.insert(name.to_owned(), why.clone())),
                Some(_) => {}
                None if has_passed => (row.required, row.passed) = (row.required + 1, row.passed + 1),
                None => {
                    row.required += 1;
                    row.failed.push(name.to_owned());
                }
            }
        }
        row
    }
}

/// The name of a scenario, and whether it passed: `✓ tools-list: 3 passed, 0 failed`. One without a check has not
/// passed: nothing was tried.
fn scenario(line: &str) -> Option<(&str, bool)> {
    let (mark, rest) = line.split_once(' ')?;
    if !["✓", "✗", "⚠"].contains(&mark) {
        return None;
    }
    let (name, counts) = rest.split_once(": ")?;
    let passed = counts.split_once(" passed")?.0;
    Some((name, mark == "✓" && passed != "0"))
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
✓ not-in-the-summary: 1 passed, 0 failed

=== SUMMARY ===
✓ tools-list: 3 passed, 0 failed
✗ server-stateless: 25 passed, 3 failed
✓ initialize: 0 passed, 0 failed
✗ tasks-lifecycle: 1 passed, 8 failed
✓ json-schema: 6 passed, 0 failed

Total: 149 passed, 40 failed

Not scored for 2026-07-28: 2 scenario(s) run, 1 failing. These do not affect conformance.
  ✗ tasks-lifecycle (extension)
  ✓ json-schema (pending)
";

    #[test]
    fn what_the_suite_prints_is_read() {
        let suite = Suite { revision: "2026-07-28", role: Role::Server, required: 4 };
        let row = suite.read(SAID);
        assert_eq!((row.required, row.passed), (3, 1));
        assert_eq!(row.failed, ["server-stateless", "initialize"]);
        assert_eq!(
            row.not_scored.into_iter().collect::<Vec<_>>(),
            [("tasks-lifecycle".into(), "extension".into())]
        );
        let wrong = [
            "2026-07-28, server: server-stateless failed",
            "2026-07-28, server: initialize failed",
            "2026-07-28, server: 3 scenarios were run, but 4 are required",
        ];
        assert_eq!(suite.wrong(&suite.read(SAID)), wrong);
    }

    #[test]
    fn a_suite_that_breaks_off_has_not_passed() {
        let suite = Suite { revision: "2026-07-28", role: Role::Client, required: 1 };
        let wrong = suite.wrong(&suite.read("Error: it broke"));
        assert_eq!(wrong, ["2026-07-28, client: 0 scenarios were run, but 1 are required"]);
    }
}
