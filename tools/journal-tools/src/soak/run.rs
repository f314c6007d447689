//! The conversation of the soak, in a process that is killed.

use std::path::PathBuf;

use agent_core::Conversation;
use agent_journal::Journal;
use clap::Args;
use drill::{Done, Log};
use program::println;

use super::reader::{READER, team};
use crate::run::OPEN;

/// What it says when its model gets a request.
pub(crate) const ASKED: &str = "asked";

#[derive(Args)]
pub(crate) struct Read {
    /// The journal's file
    journal: PathBuf,
    /// File in which the tool and the model write what they did
    log: PathBuf,
    /// The session's id
    session: String,
    /// Number of model turns
    turns: u32,
    /// Number of kills that the budget is enough for
    kills: u32,
}

/// Begins the conversation, or goes on with it, until it has its answer.
pub(crate) fn read(Read { journal, log, session, turns, kills }: &Read) -> Done {
    let team = team(*turns, *kills, &Log::open(log)?)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let task = "Read the book, and add the numbers on its pages.";
        let mut conversation = Conversation::start(READER, task).with_id(session.as_str());
        let host = Journal::open(journal)?.host(team, &mut conversation).await?;
        println!("{OPEN}");
        host.run(&mut conversation).await?;
        Ok(())
    })
}
