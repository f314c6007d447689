//! Sessions on the command line.

mod list;
mod resume;
mod serve;
mod tail;
#[cfg(test)]
mod tests;

use std::{
    io::{Read, Write},
    path::Path,
    thread,
    time::Duration,
};

use agent_journal::{Journal, JournalError};
use agent_timeline::Timeline;

use drill::Done;
use options::{Sessions, What};

/// How often `tail` looks for more: nothing is told when others write to the file.
const LOOK: Duration = Duration::from_millis(200);

/// Does one thing with a journal. What it is given comes from `given`, what it says goes to `out`.
pub(crate) fn run(asked: Sessions, given: &mut impl Read, out: &mut impl Write) -> Done {
    tokio::runtime::Runtime::new()?.block_on(act(&asked.file, asked.what, given, out))
}

async fn act(file: &Path, what: Option<What>, given: &mut impl Read, out: &mut impl Write) -> Done {
    let (read, open) = (|| Journal::read(file), || open(file));
    match what.unwrap_or(What::List) {
        What::List => list::list(&read()?, out)?,
        What::Show { id } => write!(out, "{}", read()?.conversation(&id)?)?,
        What::Tail { id } => tail::tail(&read()?, &id, out, || thread::sleep(LOOK))?,
        What::Serve { port } => serve::serve(open()?, port.unwrap_or_default(), out).await?,
        What::Page { id } => write!(out, "{}", page(&read()?, &id)?)?,
        What::Export { id } => writeln!(out, "{}", read()?.export(&id)?)?,
        What::Resume { id } => resume::resume(&open()?, &id, out).await?,
        What::Fork { id, new, turns } => open()?.fork(&id, turns, &new).await?,
        What::Approve { key } => decided(open()?.approve(&key).await)?,
        What::Deny { key, reason } => decided(open()?.deny(&key, &reason).await)?,
        What::Delete { id } => open()?.delete(&id).await?,
        What::Import { id } => {
            let mut json = String::new();
            given.read_to_string(&mut json)?;
            writeln!(out, "{}", Journal::open(file)?.import(&json, id.as_deref()).await?)?;
        }
    }
    Ok(())
}

/// The timeline of a session as a page.
fn page(journal: &Journal, id: &str) -> Done<String> {
    let events = journal.kept_events(id, 0)?;
    if events.is_empty() {
        return Err(format!(
            "no events of session {id:?} are kept: the program that runs it keeps them with JournalHost::keep_events"
        )
        .into());
    }
    Ok(Timeline::of_session(&events).to_html())
}

/// A journal that is there: a name that was mistyped begins none.
fn open(file: &Path) -> Done<Journal> {
    match file.exists() {
        true => Ok(Journal::open(file)?),
        false => Err(format!("there is no file {}", file.display()).into()),
    }
}

/// Who types a key finds the right one in the list.
fn decided(decided: Result<(), JournalError>) -> Done {
    match decided {
        Err(JournalError::NotWaiting(wrong)) => {
            Err(format!("no call {:?} waits for a person: `list` shows the keys", wrong.key).into())
        }
        decided => Ok(decided?),
    }
}
