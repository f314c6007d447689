//! The conformance suite of MCP: our client and our server, in both revisions of the protocol. `docs/mcp.md` has what
//! came of it.

mod suite;

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

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
    let [server, client] = [built("mcp-conformance", None)?, built("agent-mcp", Some("conformance_client"))?];
    let served = Served::start("the conformance server", &mut Command::new(server), "")?;
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for suite in Suite::ALL {
        let target = match suite.role {
            Role::Server => served.url().to_owned(),
            Role::Client => client.display().to_string(),
        };
        let row = suite.run(&npm, &target)?;
        wrong.extend(suite.wrong(&row));
        rows.push(row);
    }
    served.finish()?;
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&rows)?),
        false => rows.iter().for_each(Row::print),
    }
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

/// The program of a package, or of one of its examples, after it has been built.
pub(crate) fn built(package: &str, example: Option<&str>) -> Result<PathBuf, Box<dyn std::error::Error>> {
    builds(&format!("{package} (not built by default, because it brings rmcp)"));
    let mut build = cargo();
    build.args(["build", "--quiet", "--package", package, "--manifest-path"]).arg(root().join("Cargo.toml"));
    let folder = root().join("target/debug");
    let program = match example {
        Some(example) => {
            build.args(["--all-features", "--example", example]);
            folder.join("examples").join(example)
        }
        None => folder.join(package),
    };
    match build.status()?.success() {
        true => Ok(program),
        false => Err(format!("{package} can't be built, see above").into()),
    }
}

/// The file of what is known, if there is something in it.
fn known() -> Option<PathBuf> {
    let file = root().join(KNOWN);
    let text = fs::read_to_string(&file).unwrap_or_default();
    text.lines().any(|line| line.trim_start().starts_with('-')).then_some(file)
}
