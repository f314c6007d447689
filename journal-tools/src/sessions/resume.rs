//! Going on with a session.

use std::io::Write;

use agent_core::{Event, EventLog};
use agent_journal::Journal;
use futures::{
    FutureExt, StreamExt,
    channel::mpsc,
    future::{Either, select},
};

use drill::{Done, Ways, team};

/// The most characters of a line.
const WIDTH: usize = 120;

/// Goes on with a session of the drill's team: agents are not in a journal, so others are gone on with by the program that has
/// them. Prints what happens, and the conversation at its end.
pub(super) async fn resume(journal: &Journal, id: &str, out: &mut impl Write) -> Done {
    let mut conversation = journal.conversation(id)?;
    let team = team(&Ways { repeatable: true, takes_time: true, log: None })?;
    let agent = conversation.agent();
    if team.agent(agent).is_none() {
        return Err(format!(
            "agent {agent:?} is not known here: go on with {id:?} in the program that has it, with Journal::host"
        )
        .into());
    }
    let (tell, mut told) = mpsc::unbounded();
    let host = journal.host(team, &mut conversation).await?;
    // Nobody may listen any more.
    let host = host.listen(move |event| drop(tell.unbounded_send(event.clone())));
    let log = EventLog::new(WIDTH);
    let mut say = |event: &Event| match log.line(event) {
        Some(line) => writeln!(out, "{line}"),
        None => Ok(()),
    };
    let mut run = Box::pin(host.run(&mut conversation));
    let ended = loop {
        match select(told.next(), run).await {
            Either::Left((event, going_on)) => {
                event.as_ref().map_or(Ok(()), &mut say)?;
                run = going_on;
            }
            Either::Right((ended, _)) => break ended,
        }
    };
    while let Some(event) = told.next().now_or_never().flatten() {
        say(&event)?;
    }
    ended?;
    Ok(write!(out, "{conversation}")?)
}
