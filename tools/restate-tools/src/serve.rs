//! A process that serves the drill's team.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use agent_core::Limits;
use agent_restate::{Restate, Services};
use clap::Args;
use drill::{Done, Log, Tools, Ways, budget, team};
use program::println;
use tokio::{net::TcpListener, runtime::Runtime};

/// What it says once it can be reached.
pub(crate) const READY: &str = "ready";

/// What it says once it does something for a run.
pub(crate) const OPEN: &str = "open";

#[derive(Args)]
pub(crate) struct Served {
    /// Address to listen at, such as 127.0.0.1:9080
    address: String,
    /// File in which tools and models write what they did. Without it, tools take no time
    #[arg(requires = "tools")]
    log: Option<PathBuf>,
    /// `repeatable` if a call may be made twice, else `once`
    #[arg(value_parser = Tools::of)]
    tools: Option<Tools>,
    /// Address of the engine, such as http://127.0.0.1:8080, if it is to keep the events of the runs
    #[arg(long)]
    events: Option<String>,
    /// Folder of its server. It is not read: it shows in a list of processes
    #[arg(long, conflicts_with = "log")]
    base_dir: Option<PathBuf>,
}

/// Serves until it is killed.
pub(crate) fn run(Served { address, log, tools, events, .. }: Served) -> Done {
    let repeatable = tools != Some(Tools::Once);
    let log = log.map(|log| Log::open(&log)).transpose()?;
    let has_budget = log.is_some();
    let mut team = team(&Ways { repeatable, in_background: true, takes_time: log.is_some(), log })?;
    if has_budget {
        team = team.with_limits(Limits::new().conversation_budget(budget()));
    }
    let told = AtomicBool::new(false);
    let services = Services::new(team).listen(move |_| {
        if !told.swap(true, Ordering::Relaxed) {
            println!("{OPEN}");
        }
    });
    let services = match events {
        Some(engine) => services.keep_events(&Restate::at(&engine)?),
        None => services,
    };
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("{READY}");
        services.serve(listener)?.await;
        Ok(())
    })
}
