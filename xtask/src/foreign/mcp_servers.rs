//! Our MCP client against a server that others wrote: `server-everything`, on the protocol's SDK for TypeScript.

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
};

const SERVER: &str = "@modelcontextprotocol/server-everything@2026.8.31";

/// Its program.
const SCRIPT: &str = "@modelcontextprotocol/server-everything/dist/index.js";

/// A key that no server may see.
const KEY: (&str, &str) = ("A_KEY_OF_THIS_PROGRAM", "secret");

/// Prints what came of each step, and returns what went wrong.
pub(super) fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let npm = match Npm::with_packages(folder("server-everything"), &[SERVER, &node_package()]) {
        Ok(npm) => npm,
        Err(why) => {
            println!("foreign: the MCP server is skipped: {why}");
            return Ok(Vec::new());
        }
    };
    let client = Program::example("agent-mcp", "foreign_server");
    client.build()?;
    let served = Served::start(npm.program(SCRIPT))?;
    let mut client = Command::new(client.path());
    client.arg(npm.node()).arg(npm.file(SCRIPT)).arg(&served.url).env(KEY.0, KEY.1);
    let output = client.stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut wrong = Vec::new();
    for line in said.lines() {
        println!("{line}");
        wrong.extend(line.strip_prefix("FAIL ").map(|why| format!("server-everything: {why}")));
    }
    if wrong.is_empty() && !output.status.success() {
        wrong.push(format!("server-everything: the client ended with {}", output.status));
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
