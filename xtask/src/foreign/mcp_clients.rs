//! Other people's MCP clients against our server: the inspector of the protocol's makers, and Claude Code.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use agent_core::script::Reply;
use agent_mock::{Mock, Scenario};
use program::println;
use serde_json::{Value, json};

use super::folder;
use crate::{
    mcp::Program,
    npm::{Npm, node_package},
};

const INSPECTOR: &str = "@modelcontextprotocol/inspector@2.12.0";
const CLAUDE_CODE: &str = "2.1.197";

/// The token that the example asks for.
const TOKEN: &str = "token-of-ada";

/// What is done, and what is wrong with what came of it.
type Finding = (&'static str, Result<(), Box<dyn Error>>);

/// Prints what each client did, and returns what went wrong.
pub(super) fn run() -> Result<Vec<String>, Box<dyn Error>> {
    let program = Program::example("agent-mcp", "mcp_server");
    program.build()?;
    let program = program.path();
    let http = Http::start(&program)?;
    let mut wrong = Vec::new();
    for client in [inspector, claude_code] {
        match client(&program, &http.url) {
            Ok(findings) => wrong.extend(findings.into_iter().filter_map(told)),
            Err(why) => println!("foreign: an MCP client is skipped: {why}"),
        }
    }
    Ok(wrong)
}

fn told((what, came): Finding) -> Option<String> {
    println!("{:4} {what}", if came.is_ok() { "ok" } else { "FAIL" });
    came.err().map(|error| format!("{what}: {error}"))
}

/// The example as a server over HTTP, until this is dropped.
struct Http {
    process: Child,
    url: String,
}

impl Http {
    fn start(program: &Path) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(program).arg("http").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line)?;
        let url = line.split(',').next().unwrap_or_default().to_owned();
        Ok(Self { process, url })
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // It may have ended by itself, which the findings show.
        let _ = (self.process.kill(), self.process.wait());
    }
}

/// The inspector's command line, over both transports.
fn inspector(program: &Path, url: &str) -> Result<Vec<Finding>, String> {
    let npm = Npm::with_packages(folder("inspector"), &[INSPECTOR, &node_package()])?;
    let header = format!("Authorization: Bearer {TOKEN}");
    let local = program.display().to_string();
    let over_stdio: &[&str] = &[&local];
    let over_http: &[&str] = &[url, "--transport", "http", "--header", &header];
    let ask = |target: &[&str], words: &[&str]| -> Result<Value, Box<dyn Error>> {
        let mut command = npm.program("@modelcontextprotocol/inspector/clients/launcher/build/index.js");
        let said = output(command.arg("--cli").args(target).arg("--method").args(words))?;
        serde_json::from_str(&said).map_err(|error| format!("{error}: {said}").into())
    };
    let lists = |target: &[&str]| {
        let listed = ask(target, &["tools/list"])?;
        let names: Vec<&Value> =
            listed["tools"].as_array().into_iter().flatten().map(|tool| &tool["name"]).collect();
        same(&json!(names), &json!(["planner", "sum_numbers"]))
    };
    let calls = |target: &[&str], words: &[&str], expected: &str| {
        let result = ask(target, &[&["tools/call", "--tool-name"], words].concat())?;
        same(&result["content"][0]["text"], &json!(expected))
    };
    let (sum, plan) =
        (["sum_numbers", "--tool-arg", "numbers=[1,2]"], ["planner", "--tool-arg", "task=19 + 23?"]);
    Ok(vec![
        ("inspector, stdio: lists the tools", lists(over_stdio)),
        ("inspector, stdio: calls a tool", calls(over_stdio, &sum, "3")),
        ("inspector, stdio: calls an agent", calls(over_stdio, &plan, "It is 42.")),
        ("inspector, HTTP with a token: lists the tools", lists(over_http)),
        ("inspector, HTTP with a token: calls an agent", calls(over_http, &plan, "It is 42.")),
        (
            "inspector, HTTP without a token: is refused",
            refused(ask(&[url, "--transport", "http"], &["tools/list"])),
        ),
    ])
}

/// Claude Code, which needs no key to check its servers. For a call, agent-mock stands in for Claude.
fn claude_code(program: &Path, url: &str) -> Result<Vec<Finding>, String> {
    let system = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let processor = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x64" };
    let package = format!("@anthropic-ai/claude-code-{system}-{processor}");
    let npm = Npm::with_packages(folder("claude-code"), &[&format!("{package}@{CLAUDE_CODE}")])?;
    let claude = Claude { program: npm.file(&format!("{package}/claude")), home: npm.folder().join("home") };
    Ok(vec![
        ("Claude Code: connects over stdio, and over HTTP with a token", claude.connects(program, url)),
        ("Claude Code: calls a tool", claude.calls(program)),
    ])
}

struct Claude {
    program: PathBuf,
    /// Its settings, which are not those of whoever runs this.
    home: PathBuf,
}

impl Claude {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HOME", &self.home).env("CLAUDE_CONFIG_DIR", self.home.join("settings"));
        command.current_dir(&self.home).stdin(Stdio::null());
        command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").env("DISABLE_AUTOUPDATER", "1");
        for key in ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"] {
            command.env_remove(key);
        }
        command
    }

    fn connects(&self, program: &Path, url: &str) -> Result<(), Box<dyn Error>> {
        let _ = std::fs::remove_dir_all(&self.home);
        std::fs::create_dir_all(&self.home)?;
        output(self.command().args(["mcp", "add", "local", "--"]).arg(program))?;
        for (name, token) in [("with-token", TOKEN), ("wrong-token", "no")] {
            let header = format!("Authorization: Bearer {token}");
            output(self.command().args([
                "mcp",
                "add",
                "--transport",
                "http",
                name,
                url,
                "--header",
                &header,
            ]))?;
        }
        let said = output(self.command().args(["mcp", "list"]))?;
        let state = |name: &str| {
            let line = said.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.contains("Connected")
        };
        match (state("local"), state("with-token"), state("wrong-token")) {
            (true, true, false) => Ok(()),
            _ => Err(said.into()),
        }
    }

    fn calls(&self, program: &Path) -> Result<(), Box<dyn Error>> {
        let server = json!({"mcpServers": {"sums": {"type": "stdio", "command": program, "args": []}}});
        let results = Arc::new(Mutex::new(Vec::new()));
        let read = results.clone();
        let model = Scenario::by(move |request| match tool_results(&request.body) {
            results if results.is_empty() => {
                Reply::call("mcp__sums__sum_numbers", json!({"numbers": [19, 23]}))
            }
            results => {
                *read.lock().expect("nobody panics with it") = results;
                Reply::text("That is all.")
            }
        });
        let runtime = tokio::runtime::Runtime::new()?;
        let mock = runtime.block_on(Mock::start(model))?;
        let mut ask = self.command();
        ask.args(["--print", "What is 19 + 23?", "--strict-mcp-config", "--mcp-config", &server.to_string()]);
        ask.args(["--allowedTools", "mcp__sums__sum_numbers"]);
        let said = output(ask.env("ANTHROPIC_BASE_URL", mock.url()).env("ANTHROPIC_API_KEY", "any"))?;
        let results = results.lock().expect("nobody panics with it").clone();
        match results.iter().any(|result| result.contains("42")) && said.contains("That is all.") {
            true => Ok(()),
            false => Err(format!("the model has read {results:?}, and Claude Code has said {said:?}").into()),
        }
    }
}

/// The results of tools in a request of the Messages API, as JSON.
fn tool_results(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().into_iter().flatten();
    let blocks = messages.flat_map(|message| message["content"].as_array().into_iter().flatten());
    blocks.filter(|block| block["type"] == "tool_result").map(|block| block["content"].to_string()).collect()
}

/// What a program prints. It fails if the program does.
fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(said),
        false => Err(format!("{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn same(found: &Value, expected: &Value) -> Result<(), Box<dyn Error>> {
    if found == expected { Ok(()) } else { Err(format!("{found} instead of {expected}").into()) }
}

fn refused(came: Result<Value, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    match came {
        Ok(answer) => Err(format!("it was let in: {answer}").into()),
        // The inspector would now ask its user to log in.
        Err(error) if error.to_string().contains("auth_required") => Ok(()),
        Err(error) => Err(error),
    }
}
