//! Sessions on the command line.

mod list;
mod resume;
mod tail;
#[cfg(test)]
mod tests;

use std::{
    io::{Read, Write},
    path::Path,
    thread,
    time::Duration,
};

use agent_journal::Journal;

use drill::Done;

/// How often `tail` looks for more: nothing is told when others write to the file.
const LOOK: Duration = Duration::from_millis(200);

/// Does one thing with the journal in this file. What it is given comes from `given`, what it says goes to `out`.
pub(crate) fn run(file: &str, what: &[&str], given: &mut impl Read, out: &mut impl Write) -> Done {
    tokio::runtime::Runtime::new()?.block_on(act(file, what, given, out))
}

async fn act(file: &str, what: &[&str], given: &mut impl Read, out: &mut impl Write) -> Done {
    let (read, open) = (|| Journal::read(file), || open(file));
    match what {
        [] | ["list"] => list::list(&read()?, out)?,
        ["show", id] => write!(out, "{}", read()?.conversation(id)?)?,
        ["tail", id] => tail::tail(&read()?, id, out, || thread::sleep(LOOK))?,
        ["export", id] => writeln!(out, "{}", read()?.export(id)?)?,
        ["resume", id] => resume::resume(&open()?, id, out).await?,
        ["fork", id, new] => open()?.fork(id, None, new).await?,
        ["fork", id, new, turns] => {
            let turns = turns.parse().map_err(|_| format!("{turns:?} is no number of turns"))?;
            open()?.fork(id, Some(turns), new).await?;
        }
        ["allow" | "approve", key] => open()?.allow(key).await?,
        ["deny", key, reason] => open()?.deny(key, reason).await?,
        ["delete", id] => open()?.delete(id).await?,
        ["import", id @ ..] if id.len() < 2 => {
            let mut json = String::new();
            given.read_to_string(&mut json)?;
            writeln!(out, "{}", Journal::open(file)?.import(&json, id.first().copied()).await?)?;
        }
        _ => return Err(format!("sessions: there is nothing like {what:?}").into()),
    }
    Ok(())
}

/// A journal that is there: a name that was mistyped begins none.
fn open(file: &str) -> Done<Journal> {
    match Path::new(file).exists() {
        true => Ok(Journal::open(file)?),
        false => Err(format!("there is no file {file}").into()),
    }
}
