//! One team in this process, on a journal and on Restate; only the host's line differs:
//! cargo run -p agent-restate --example anywhere [process | journal | restate]
//!
//! For `restate` it installs a server (with npm) and serves the team to it; in earnest, that is another program's part.

use std::{env, error::Error};

use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_journal::Journal;
use agent_restate::{Restate, Services};
use agent_tools::{AgentTool, math};
use serde_json::json;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = env::args().nth(1).unwrap_or_else(|| "process".to_owned());
    if host == "restate" {
        if let Err(missing) = restate_server::install() {
            println!("skipped: {missing}");
            return Ok(());
        }
    }
    print!("{}", run(&host).await?);
    Ok(())
}

/// Runs the team there, and says what was said.
pub(crate) async fn run(host: &str) -> Result<Conversation, Box<dyn Error>> {
    let (folder, server) = (tempfile::tempdir()?, Served::on(host).await?);
    let (file, ingress) = (folder.path().join("journal"), server.ingress());
    let mut conversation = Conversation::start("billing", "What did I pay, and why does the app not start?");
    match host {
        "process" => drop(team()?.run(&mut conversation).await?),
        "journal" => {
            drop(Journal::open(file)?.host(team()?, &mut conversation).await?.run(&mut conversation).await?)
        }
        "restate" => drop(Restate::at(ingress)?.run(&mut conversation).await?),
        other => return Err(format!("{other:?} is no host: process, journal or restate").into()),
    }
    Ok(conversation)
}

fn team() -> Result<Team, Box<dyn Error>> {
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

/// An engine, and this process as one of those that serve the team to it.
struct Served(Option<restate_server::Cluster>);

impl Served {
    async fn on(host: &str) -> Result<Self, Box<dyn Error>> {
        if host != "restate" {
            return Ok(Self(None));
        }
        let cluster = restate_server::Cluster::start(1).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(Services::new(team()?)?.serve(listener));
        restate_server::register(cluster.admin(), &format!("http://{address}")).await?;
        Ok(Self(Some(cluster)))
    }

    fn ingress(&self) -> &str {
        self.0.as_ref().map(restate_server::Cluster::ingress).unwrap_or_default()
    }
}
