//! Our MCP client against servers on the protocol's SDKs for TypeScript and for Python, and on another SDK for Rust.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use program::println;

use super::folder;
use crate::{
    mcp::Program,
    npm::{Npm, node_package},
    python::{Packages, Python},
    task::{cargo, root},
};

const SERVER: &str = "@modelcontextprotocol/server-everything@2026.8.31";

/// Its program.
const SCRIPT: &str = "@modelcontextprotocol/server-everything/dist/index.js";

/// A server on the SDK for Python, and what it needs.
const SUMS: &str = "xtask/mcp/sums.py";
const PYTHON: Packages = Packages { file: "xtask/mcp/requirements.txt", alone: false };

/// A server on the crate rust-mcp-sdk, outside the workspace.
const RUST: &str = "xtask/mcp/rust-sdk/Cargo.toml";

/// A key that no server may see.
const KEY: (&str, &str) = ("A_KEY_OF_THIS_PROGRAM", "secret");

/// Prints what came of each step, and returns what went wrong.
pub(super) fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let client = Program::example("agent-mcp", "foreign_server");
    client.build()?;
    let mut wrong = Vec::new();
    match Npm::with_packages(folder("server-everything"), &[SERVER, &node_package()]) {
        Ok(npm) => {
            let served = Served::start(npm.program(SCRIPT))?;
            let mut uses = Command::new(client.path());
            uses.arg(npm.node()).arg(npm.file(SCRIPT)).arg(&served.url).env(KEY.0, KEY.1);
            wrong.extend(findings("server-everything", uses)?);
        }
        Err(why) => println!("foreign: server-everything is skipped: {why}"),
    }
    match Python::with_packages(folder("mcp-python"), &PYTHON, |_| Ok(())) {
        Ok(python) => {
            let mut uses = Command::new(client.path());
            uses.arg(python.folder("bin/python")).arg(root().join(SUMS));
            wrong.extend(findings("Python's SDK", uses)?);
        }
        Err(why) => println!("foreign: the server on Python's SDK is skipped: {why}"),
    }
    let target = folder("mcp-rust");
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(root().join(RUST));
    match build.arg("--target-dir").arg(&target).status()?.success() {
        true => {
            let mut uses = Command::new(client.path());
            uses.arg(target.join("debug/rust-sdk-sums"));
            wrong.extend(findings("rust-mcp-sdk", uses)?);
        }
        false => println!("foreign: the server on rust-mcp-sdk is skipped: it can't be built, see above"),
    }
    Ok(wrong)
}

/// Prints what a client says of a server, and returns what went wrong.
fn findings(server: &str, mut client: Command) -> Result<Vec<String>, Box<dyn Error>> {
    let output = client.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut wrong = Vec::new();
    for line in said.lines() {
        println!("{line}");
        wrong.extend(line.strip_prefix("FAIL ").map(|why| format!("{server}: {why}")));
    }
    if wrong.is_empty() && !output.status.success() {
        wrong.push(format!("{server}: the client ended with {}", output.status));
    }
    Ok(wrong)
}

/// The server over HTTP, until this is dropped.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start(mut server: Command) -> Result<Self, Box<dyn Error>> {
        // Free now, and seldom taken before the server starts.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = server.arg("streamableHttp").env("PORT", port.to_string());
        let mut process = server.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let served = Self { process, url: format!("http://127.0.0.1:{port}/mcp") };
        let listens = lines.by_ref().any(|line| line.is_ok_and(|line| line.contains("listening on port")));
        // Read until the end, so that the server can go on writing.
        std::thread::spawn(move || lines.for_each(drop));
        if listens { Ok(served) } else { Err("server-everything ended before it listened".into()) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself, which the findings show.
        let _ = (self.process.kill(), self.process.wait());
    }
}
