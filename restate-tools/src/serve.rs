//! A process that serves the drill's team.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use agent_restate::Services;
use drill::{Done, Log, Tools, Ways, team};
use program::println;
use tokio::{net::TcpListener, runtime::Runtime};

/// What it says once it can be reached.
pub(crate) const READY: &str = "ready";

/// What it says once it does something for a run.
pub(crate) const OPEN: &str = "open";

/// Serves until it is killed.
pub(crate) fn run(address: &str, options: &[&str]) -> Done {
    let (log, repeatable) = match options {
        // It tells whose it is.
        [] | ["--base-dir", _] => (None, true),
        [log, tools] => (Some(Log::open(Path::new(log))?), Tools::of(tools)? == Tools::Repeatable),
        _ => {
            return Err(
                "serve takes an address, and a log with the kind of tools or --base-dir FOLDER".into()
            );
        }
    };
    let team = team(&Ways { repeatable, takes_time: log.is_some(), log })?;
    let told = AtomicBool::new(false);
    let services = Services::new(team).listen(move |_| {
        if !told.swap(true, Ordering::Relaxed) {
            println!("{OPEN}");
        }
    });
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("{READY}");
        services.serve(listener).await;
        Ok(())
    })
}
