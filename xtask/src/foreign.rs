//! Agents against servers that other people wrote: whether their replies are read whole, and ours taken, over each API
//! that they speak. `docs/foreign.md` has what came of it. Then other people's MCP clients against our MCP server, and our
//! MCP client against theirs, which `docs/mcp.md` tells of.

mod act;
mod known;
mod mcp_clients;
mod mcp_servers;
mod servers;
mod table;
mod wire;

use std::{fs, path::PathBuf};

use act::Act;
use clap::Args;
use known::Known;
use program::println;
use servers::Server;
use table::Table;
use wire::Wire;

use crate::task::{Done, root, verdict};

#[derive(Args)]
pub(crate) struct Foreign {
    /// Only these. By default, all
    #[arg(value_name = "SERVER")]
    servers: Vec<Server>,
    /// Writes the table to docs/foreign.md. By default, it is an error if it differs from what stands there
    #[arg(long)]
    write: bool,
    /// Only the MCP clients against our MCP server, and our client against theirs. By default, they come after the servers
    #[arg(long, conflicts_with_all = ["servers", "write"])]
    mcp: bool,
}

/// One run: an act against a server over one of its APIs.
struct Cell {
    server: Server,
    wire: Wire,
    act: Act,
    streamed: bool,
}

/// Fails on each finding that is not known, on what is known and did not come up, and on what went wrong over
/// MCP.
pub(crate) fn run(options: &Foreign) -> Done {
    if !options.mcp {
        run_servers(options)?;
    }
    match options.servers.is_empty() {
        true => {
            let wrong = [mcp_clients::run()?, mcp_servers::run()?].concat();
            verdict("foreign: the MCP clients and servers did what was asked of them", &wrong)
        }
        false => Ok(()),
    }
}

fn run_servers(options: &Foreign) -> Done {
    let mut known = Known::read()?;
    let mut table = Table::default();
    let chosen = |server: &Server| options.servers.is_empty() || options.servers.contains(server);
    let mut done = 0;
    for server in Server::ALL.into_iter().filter(chosen) {
        let served = match server.start() {
            Ok(served) => served,
            Err(why) => {
                println!("foreign: {server} is skipped: {why}");
                continue;
            }
        };
        let runtime = tokio::runtime::Runtime::new()?;
        for cell in cells(server) {
            let agents = cell.wire.model(served.url(), cell.streamed)?;
            let findings = runtime.block_on(cell.act.findings(agents, cell.streamed));
            let notes = known.notes(&cell, &findings);
            println!("{:4} {cell}{}", if notes.is_ok() { "ok" } else { "FAIL" }, told(&findings));
            table.put(&cell, &notes);
        }
        served.finish()?;
        done += 1;
    }
    let mut wrong = known.unknown().to_vec();
    // A part of the servers shows nothing of the others.
    if done == Server::ALL.len() {
        wrong.extend(known.gone());
    }
    wrong.extend(table.publish(&known, options.write).err().map(|error| error.to_string()));
    verdict("foreign: each run went as docs/foreign.md says", &wrong)
}

fn cells(server: Server) -> impl Iterator<Item = Cell> {
    let streamed =
        move |act: Act, wire: Wire| [true, false].map(|streamed| Cell { server, wire, act, streamed });
    Wire::ALL.into_iter().flat_map(move |wire| Act::ALL.into_iter().flat_map(move |act| streamed(act, wire)))
}

fn told(findings: &[String]) -> String {
    findings.iter().map(|finding| format!("\n     {finding}")).collect()
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { server, wire, act, streamed } = self;
        let how = if *streamed { "streamed" } else { "in one piece" };
        write!(f, "{server}, {wire}: {act}, {how}")
    }
}

/// A folder for what is made here.
fn folder(name: &str) -> PathBuf {
    root().join("target/foreign").join(name)
}

/// A file of this check.
fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))
}
