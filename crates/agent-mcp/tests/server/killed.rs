//! A server that is killed, and started again on the same journal.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use agent_core::{
    Agent, Team,
    script::{Reply, Script},
};
use agent_mcp::{Serve, serve};
use agent_tools::FnTool;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    team::on_journal,
    wire::{BOTH, Revision, Wire, text},
};

/// The folder of the process that serves.
const FOLDER: &str = "AGENT_MCP_TEST_FOLDER";

/// The answer of a tool in the first process never comes.
const HANGS: &str = "AGENT_MCP_TEST_HANGS";

/// Not a test: the process that the test below starts and kills.
#[tokio::test]
async fn the_process_that_serves() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        server(&PathBuf::from(folder)).stdio().await.unwrap();
    }
}

/// A planner that books first and then pays. Each call is written down.
fn server(folder: &Path) -> Serve {
    let write = |folder: &Path, line: &str| {
        let file = OpenOptions::new().create(true).append(true).open(folder.join("calls"));
        file.unwrap().write_all(line.as_bytes()).unwrap();
    };
    let at = folder.to_owned();
    let book = FnTool::new("book", "Books.", move |(): ()| {
        write(&at, "booked\n");
        "booked"
    });
    let at = folder.to_owned();
    let pay = FnTool::new("pay", "Pays.", move |(): ()| {
        write(&at, "paying\n");
        async {
            if std::env::var_os(HANGS).is_some() {
                std::future::pending::<()>().await;
            }
            "paid"
        }
    });
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("book", json!({})),
        3 => Reply::call("pay", json!({})),
        _ => Reply::text("Booked and paid."),
    });
    let agent = Agent::builder("planner", model).tool(book).tool(pay.idempotent()).build().unwrap();
    on_journal(serve(Team::new([agent]).unwrap()), folder)
}

/// Starts the process, and a client of it.
async fn start(folder: &Path, hangs: bool, revision: Revision) -> (Child, Wire) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::the_process_that_serves", "--nocapture"]).env(FOLDER, folder);
    if hangs {
        command.env(HANGS, "yes");
    }
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    // What the harness prints before each test.
    let mut line = String::new();
    while !line.starts_with("running 1 test") {
        line.clear();
        output.read_line(&mut line).await.unwrap();
    }
    let input = process.stdin.take().unwrap();
    (process, Wire::over(output, input, revision, json!({})).await)
}

#[tokio::test]
async fn a_killed_server_goes_on_with_the_same_key_and_repeats_nothing() {
    for revision in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let (mut process, mut wire) = start(folder.path(), true, revision).await;
        let meta = json!({agent_mcp::IDEMPOTENCY_KEY: "trip-7", "progressToken": 1});
        let params = json!({"name": "planner", "arguments": {"task": "Book and pay."}, "_meta": meta});
        wire.request("tools/call", params.clone()).await;
        while wire.next().await["params"]["message"] != "planner calls pay" {}
        process.kill().await.unwrap();

        let (_process, mut wire) = start(folder.path(), false, revision).await;
        let task = json!({"task": "Book and pay."});
        let result = wire.call_with_key("planner", task.clone(), "trip-7").await;
        assert_eq!(text(&result), ("Booked and paid.", false));
        let calls = || std::fs::read_to_string(folder.path().join("calls")).unwrap();
        assert_eq!(calls(), "booked\npaying\npaying\n", "{revision:?}");

        // The key has its result for ever, and is for this task only.
        let again = wire.call_with_key("planner", task, "trip-7").await;
        assert_eq!(text(&again), ("Booked and paid.", false));
        assert_eq!(calls(), "booked\npaying\npaying\n");
        let other = wire.call_with_key("planner", json!({"task": "Pay twice."}), "trip-7").await;
        assert!(text(&other).1, "{other}");
    }
}
