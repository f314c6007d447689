//! Going on with a session.

use std::io::Write;

use agent_core::event::EventLog;
use agent_journal::Journal;

use drill::{Done, Ways, team};

/// The most characters of a line.
const WIDTH: usize = 120;

/// Goes on with a session of the drill's team: agents are not in a journal, so others are gone on with by the program that has
/// them. Prints what happens, and the conversation at its end.
pub(super) async fn resume(journal: &Journal, id: &str, out: &mut impl Write) -> Done {
    let mut conversation = journal.conversation(id)?;
    let team = team(&Ways { repeatable: true, in_background: false, takes_time: true, log: None })?;
    let agent = conversation.agent();
    if team.agent(agent).is_none() {
        return Err(format!(
            "agent {agent:?} is not known here: continue {id:?} in the program that has this agent, with Journal::host"
        )
        .into());
    }
    let host = journal.host(team, &mut conversation).await?;
    let log = EventLog::new(WIDTH);
    let mut run = host.run(&mut conversation);
    while let Some(event) = run.next().await {
        if let Some(line) = log.line(&event) {
            writeln!(out, "{line}")?;
        }
    }
    run.await?;
    Ok(write!(out, "{conversation}")?)
}
