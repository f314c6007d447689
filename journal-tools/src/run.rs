//! A run of the team, in a process that may be killed.

use std::path::Path;

use agent_core::Conversation;
use agent_journal::Journal;

use drill::{Done, Log, TASK, Tools, Ways, team};
use program::println;

/// What it says once it has the conversation, and goes on with it.
pub(crate) const OPEN: &str = "open";

/// Begins the run, or goes on with it, and ends with it.
pub(crate) fn run(journal: &str, log: &str, session: &str, tools: &str) -> Done {
    let repeatable = Tools::of(tools)? == Tools::Repeatable;
    let ways = Ways { repeatable, takes_time: true, log: Some(Log::open(Path::new(log))?) };
    let team = team(&ways)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut conversation = Conversation::start("lead", TASK).with_id(session);
        let host = Journal::open(journal)?.host(team, &mut conversation).await?;
        println!("{OPEN}");
        host.run(&mut conversation).await?;
        Ok(())
    })
}
