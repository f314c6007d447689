//! A run of the team, in a process that may be killed.

use std::path::PathBuf;

use agent_core::{Conversation, Limits};
use agent_journal::Journal;
use clap::Args;

use drill::{Done, Log, TASK, Tools, Ways, budget, team};
use program::println;

/// What it says once it has the conversation, and goes on with it.
pub(crate) const OPEN: &str = "open";

#[derive(Args)]
pub(crate) struct Killable {
    /// The journal's file
    journal: PathBuf,
    /// File in which tools and models write what they did
    log: PathBuf,
    /// The session's id
    session: String,
    /// `repeatable` if a call may be made twice, else `once`
    #[arg(value_parser = Tools::of)]
    tools: Tools,
}

/// Begins the run, or goes on with it, and ends with it.
pub(crate) fn run(Killable { journal, log, session, tools }: &Killable) -> Done {
    let repeatable = *tools == Tools::Repeatable;
    let ways = Ways { repeatable, in_background: true, takes_time: true, log: Some(Log::open(log)?) };
    let team = team(&ways)?.with_limits(Limits::new().conversation_budget(budget()));
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut conversation = Conversation::start("lead", TASK).with_id(session.as_str());
        let host = Journal::open(journal)?.host(team, &mut conversation).await?.keep_events();
        println!("{OPEN}");
        host.run(&mut conversation).await?;
        Ok(())
    })
}
