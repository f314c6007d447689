//! The demo with another model than the scripted one.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use agent_core::script::Reply;
use agent_mock::{Mock, Scenario};
use serde_json::Value;

/// `cargo xtask demo --live` with a key and this server.
fn live(url: &str, options: &[&str]) -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_xtask"));
    demo.args(["demo", "--live"]).args(options);
    demo.env("ANTHROPIC_API_KEY", "sk-ant-example").env("ANTHROPIC_BASE_URL", url);
    demo
}

/// What it says there, and what the server was asked.
fn played(plot: Scenario, options: &[&str]) -> (Output, Vec<Value>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Mock::start(plot)).unwrap();
    let output = live(&server.url(), options).output().unwrap();
    let asked = server.requests();
    (output, asked.iter().map(|request| request.body.clone()).collect())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_model_that_calls_nobody_is_told_of_in_words() {
    let (output, asked) =
        played(Scenario::by(|_| Reply::text("I know that.")), &["--model", "claude-test-1"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("The model called no specialist, so there is nothing to compare."), "{said}");
    assert!(!said.contains("NaN") && !said.contains("inf"), "{said}");
    assert!(!asked.is_empty() && asked.iter().all(|body| body["model"] == "claude-test-1"), "{asked:?}");
}

#[test]
fn a_model_that_calls_nobody_has_figures_all_the_same() {
    let (output, asked) = played(Scenario::by(|_| Reply::text("I know that.")), &["--json"]);
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["scenarios"][1]["sequential_ms"], 0.0, "{figures}");
    assert_eq!(figures["scenarios"][1]["longest_chain_ms"], Value::Null, "{figures}");
    assert_ne!(asked[0]["model"], "claude-test-1");
}

#[test]
fn without_a_key_it_says_what_to_set() {
    let output = live("http://127.0.0.1:9", &[]).env_remove("ANTHROPIC_API_KEY").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.starts_with("--live asks a real model, but no key is set: set ANTHROPIC_API_KEY"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_told_of_with_the_cause() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    drop(server);
    let output = live(&url, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("Connection refused") && !said.contains("sk-ant-example"), "{said}");
}
