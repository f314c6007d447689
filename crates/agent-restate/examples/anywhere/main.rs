//! Runs one team in this process, on a journal or on Restate. Only the line of the host differs:
//! cargo run -p agent-restate --example anywhere [process | journal | restate]
//!
//! With `restate` it installs a server with npm and serves the team itself. In production, other
//! processes serve the team.

mod served;
mod team;

use std::error::Error;

use agent_core::Conversation;
use agent_journal::Journal;
use agent_restate::Restate;
use clap::Parser;
use program::{print, println};
use served::Served;
pub(crate) use team::team;

/// Runs one team in this process, on a journal or on Restate
#[derive(Parser)]
struct Options {
    /// Where the team runs
    #[arg(value_parser = ["process", "journal", "restate"], default_value = "process")]
    host: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = Options::parse().host;
    let installed = (host == "restate").then(restate_server::install);
    if let Some(Err(missing)) = installed {
        println!("skipped: {missing}");
        return Ok(());
    }
    print!("{}", run(&host).await?);
    Ok(())
}

/// Runs the team on this host and returns the conversation.
pub(crate) async fn run(host: &str) -> Result<Conversation, Box<dyn Error>> {
    let (folder, server) = (tempfile::tempdir()?, Served::on(host).await?);
    let (file, ingress) = (folder.path().join("journal"), server.ingress());
    let question = "What did I pay, and why does the app not start?";
    let mut conversation = Conversation::start("billing", question).with_id("question-1");
    match host {
        "process" => drop(team()?.run(&mut conversation).await?),
        "journal" => {
            drop(Journal::open(file)?.host(team()?, &mut conversation).await?.run(&mut conversation).await?)
        }
        "restate" => drop(Restate::at(ingress)?.run(&mut conversation).await?),
        other => return Err(format!("{other:?} is not a host: use process, journal or restate").into()),
    }
    Ok(conversation)
}
