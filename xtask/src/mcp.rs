//! The conformance suite of MCP: our client and our server, in both revisions of the protocol. `docs/mcp.md` has what
//! came of it.

mod suite;

use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command};

use clap::Args;
use program::println;
use serde::Serialize;
use suite::{Role, Suite};

use crate::{
    npm::{Npm, node_package},
    served::Served,
    task::{Done, builds, cargo, root, verdict},
};

/// The suite. Only this version has sets of requirements for both revisions.
const SUITE: &str = "@modelcontextprotocol/conformance@0.2.0-alpha.12";

/// The scenarios that we know to fail, each with its reason.
const KNOWN: &str = "xtask/mcp/expected-failures.yaml";

#[derive(Args)]
pub(crate) struct Mcp {
    /// Prints the results as JSON
    #[arg(long)]
    json: bool,
    /// Fails if npm or the suite is missing. By default, the check is then skipped
    #[arg(long)]
    required: bool,
    /// Uses our programs as they are under target/. By default, they are built first
    #[arg(long)]
    built: bool,
}

/// What came of the scenarios of a revision that are for one side.
#[derive(Serialize)]
struct Row {
    revision: &'static str,
    role: Role,
    /// How many scenarios the revision requires.
    required: usize,
    passed: usize,
    /// The required ones that failed.
    failed: Vec<String>,
    /// What failed that is not required, and why it is not.
    not_scored: BTreeMap<String, String>,
}

/// Fails on each required scenario that fails and is not known to.
pub(crate) fn run(options: &Mcp) -> Done {
    let node = node_package();
    let npm = match Npm::with_packages(root().join("target/mcp"), &[SUITE, &node]) {
        Ok(npm) => npm,
        Err(why) if options.required => return Err(format!("mcp: {why}").into()),
        Err(why) => {
            println!("mcp: skipped: {why}");
            return Ok(());
        }
    };
    let (server, client) =
        (Program::bin("mcp-conformance"), Program::example("agent-mcp", "conformance_client"));
    if !options.built {
        server.build()?;
        client.build()?;
    }
    let served = Served::start("the conformance server", &mut Command::new(server.path()), "")?;
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for suite in Suite::ALL {
        let target = match suite.role {
            Role::Server => served.url().to_owned(),
            Role::Client => client.path().display().to_string(),
        };
        let row = suite.run(&npm, &target)?;
        wrong.extend(suite.wrong(&row));
        rows.push(row);
    }
    served.finish()?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) };
    }
    rows.iter().for_each(Row::print);
    verdict("mcp: all that is required has passed, or is known to fail", &wrong)
}

impl Row {
    fn print(&self) {
        let Self { revision, role, required, passed, failed, not_scored } = self;
        println!("{revision}  {role}  {passed:2} of {required:2} required scenarios have passed");
        for scenario in failed {
            println!("    failed: {scenario}");
        }
        for (scenario, why) in not_scored {
            println!("    failed, not required ({why}): {scenario}");
        }
    }
}

/// A program of ours that brings rmcp, and so is not built by default.
pub(crate) struct Program {
    package: &'static str,
    example: Option<&'static str>,
}

impl Program {
    fn bin(package: &'static str) -> Self {
        Self { package, example: None }
    }

    pub(crate) fn example(package: &'static str, example: &'static str) -> Self {
        Self { package, example: Some(example) }
    }

    pub(crate) fn build(&self) -> Done {
        builds(&format!("{} (not built by default, because it brings rmcp)", self.package));
        let mut build = cargo();
        build.args(["build", "--quiet", "--package", self.package, "--manifest-path"]);
        build.arg(root().join("Cargo.toml"));
        build.args(self.example.into_iter().flat_map(|example| ["--all-features", "--example", example]));
        match build.status()?.success() {
            true => Ok(()),
            false => Err(format!("{} can't be built, see above", self.package).into()),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let folder = root().join(target).join("debug");
        self.example
            .map_or_else(|| folder.join(self.package), |example| folder.join("examples").join(example))
    }
}

/// The file of what is known, if there is something in it.
fn known() -> Option<PathBuf> {
    let file = root().join(KNOWN);
    let text = fs::read_to_string(&file).unwrap_or_default();
    text.lines().any(|line| line.trim_start().starts_with('-')).then_some(file)
}
