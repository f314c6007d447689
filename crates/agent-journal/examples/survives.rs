//! The same team in this process or on a journal: cargo run -p agent-journal --example survives

use std::{error::Error, path::PathBuf};

use agent_core::{
    Agent, Conversation, Team,
    host::{LocalHost, drive},
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_journal::Journal;
use agent_tools::{AgentTool, math};
use clap::Parser;
use program::print;
use serde_json::json;

/// Runs the same team in this process or on a journal
#[derive(Parser)]
struct Options {
    /// The journal's file. Stop the program at any time: the next start continues [default: none]
    file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut conversation = start();
    match Options::parse().file {
        None => drop(drive(&mut conversation, &LocalHost::new(team()?)).await?),
        Some(file) => {
            let host = Journal::open(file)?.host(team()?, &mut conversation).await?;
            drive(&mut conversation, &host).await?;
        }
    }
    print!("{conversation}");
    Ok(())
}

pub(crate) fn start() -> Conversation {
    Conversation::start("billing", "What did I pay in May and June, and why does the app not start?")
        .with_id("call-7")
}

pub(crate) fn team() -> Result<Team, Box<dyn Error>> {
    let ask_both = Reply::call("ledger", json!({"task": "What did customer 7 pay in May?"}))
        .and_call("ledger", json!({"task": "What did customer 7 pay in June?"}));
    let to_support = Reply::call("handoff", json!({"name": "support", "reason": "The app is broken."}));
    let model = Script::by(move |request| match (&*request.agent, request.messages.len()) {
        ("billing", 1) => ask_both.clone(),
        ("billing", _) => to_support.clone(),
        ("ledger", 1) => Reply::call("sum_numbers", json!({"numbers": [19.5, 10]})),
        ("ledger", _) => Reply::text("29.50"),
        _ => Reply::text("29.50 a month; and please restart the app."),
    });
    let billing =
        Agent::builder("billing", model.clone()).tool(AgentTool::new("ledger", "Knows what was paid."));
    let billing = billing.tools(Handoff::to([("support", "The app and its faults.")]).tools()).build()?;
    let ledger = Agent::builder("ledger", model.clone()).tool(math::sum_numbers()).build()?;
    Ok(Team::new([billing, ledger, Agent::builder("support", model).build()?])?)
}
