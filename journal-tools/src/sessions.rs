//! Sessions on the command line.

use std::{
    io::{self, Read},
    time::Duration,
};

use agent_core::{End, Usage};
use agent_journal::{Entry, Journal, Session};

use crate::{
    Done,
    team::{Ways, team},
};

/// How often `tail` looks for more.
const LOOK: Duration = Duration::from_millis(200);

/// Does one thing with the journal in this file.
pub(crate) fn run(file: &str, what: &[&str]) -> Done {
    let read = || Journal::read(file);
    match what {
        [] | ["list"] => return list(&read()?),
        ["show", id] => print!("{}", read()?.conversation(id)?),
        ["tail", id] => return tail(&read()?, id),
        ["export", id] => println!("{}", read()?.export(id)?),
        _ => return tokio::runtime::Runtime::new()?.block_on(change(file, what)),
    }
    Ok(())
}

async fn change(file: &str, what: &[&str]) -> Done {
    if !std::path::Path::new(file).exists() && !matches!(what, ["import", ..]) {
        return Err(format!("there is no file {file}").into());
    }
    let journal = Journal::open(file)?;
    match what {
        ["resume", id] => resume(&journal, id).await?,
        ["fork", id, new] => journal.fork(id, None, new).await?,
        ["fork", id, new, turns] => journal.fork(id, Some(turns.parse()?), new).await?,
        ["approve", key] => journal.allow(key).await?,
        ["deny", key, reason] => journal.deny(key, reason).await?,
        ["delete", id] => journal.delete(id).await?,
        ["import", id @ ..] => {
            let mut json = String::new();
            io::stdin().read_to_string(&mut json)?;
            println!("{}", journal.import(&json, id.first().copied()).await?);
        }
        _ => return Err(format!("sessions: there is nothing like {what:?}").into()),
    }
    Ok(())
}

fn list(journal: &Journal) -> Done {
    println!("{:<24} {:<16} {:<12} {:>5} {:>9}  state", "session", "agent", "last change", "turns", "tokens");
    for session in journal.sessions()? {
        let session = match session {
            Ok(session) => session,
            Err(error) => {
                println!("{error}");
                continue;
            }
        };
        let Session { id, agent, changed, turns, usage, .. } = &session;
        let Usage { input_tokens, output_tokens, .. } = usage;
        let ago = format!("{} s ago", changed.elapsed().unwrap_or_default().as_secs());
        let tokens = input_tokens + output_tokens;
        println!("{id:<24} {agent:<16} {ago:<12} {turns:>5} {tokens:>9}  {}", state(&session));
    }
    Ok(())
}

fn state(session: &Session) -> String {
    let state = match &session.end {
        None => "to be gone on with".to_owned(),
        Some(End::Answered(_)) => "answered".to_owned(),
        Some(End::Waiting(calls)) => {
            let calls: Vec<String> =
                calls.iter().map(|call| format!("{} ({})", call.key, call.question)).collect();
            format!("waits for a person: {}", calls.join(", "))
        }
        Some(End::Cut(reason)) => format!("cut: {}", reason.as_str()),
        Some(End::Refused(_)) => "refused".to_owned(),
        Some(other) => format!("{other:?}"),
    };
    match session.driven_by {
        Some(pid) => format!("{state}, driven by process {pid}"),
        None => state,
    }
}

/// Prints what the session is told, as it comes, until it is the user's turn and nobody drives it.
fn tail(journal: &Journal, id: &str) -> Done {
    let mut seen = 0;
    loop {
        let entries = journal.entries(id)?;
        for (conversation, entry) in entries.get(seen..).unwrap_or_default() {
            println!("{}", line(conversation, entry));
        }
        seen = entries.len();
        let session = journal.session(id)?;
        if session.is_none_or(|session| session.end.is_some() && session.driven_by.is_none()) {
            return Ok(());
        }
        // Nothing is told when others write to the file: looking is all there is.
        std::thread::sleep(LOOK);
    }
}

fn line(conversation: &str, entry: &Entry) -> String {
    match entry.call() {
        Some(call) => format!("{conversation} {} {call}", entry.kind()),
        None => format!("{conversation} {}", entry.kind()),
    }
}

/// Goes on with a session of the drill's team: agents are not in a journal, so others are gone on with by the program that has
/// them.
async fn resume(journal: &Journal, id: &str) -> Done {
    let mut conversation = journal.conversation(id)?;
    let team = team(&Ways { repeatable: true, takes_time: true, log: None })?;
    let agent = conversation.agent();
    if team.agent(agent).is_none() {
        return Err(format!(
            "agent {agent:?} is not known here: go on with {id:?} in the program that has it, with Journal::host"
        )
        .into());
    }
    let host = journal.host(team, &mut conversation).await?;
    let host = host.listen(|event| println!("{event:?}"));
    host.run(&mut conversation).await?;
    print!("{conversation}");
    Ok(())
}
