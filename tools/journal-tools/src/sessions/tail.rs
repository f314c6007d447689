//! What a session is told, as it comes.

use std::io::Write;

use agent_core::message::safe_line;
use agent_journal::{Entry, Journal, JournalError, Session};

use super::list::state;
use drill::Done;

/// Prints what the session is told, until it is the user's turn and nobody drives it; what it waits for meanwhile, it says when
/// that changes. Between two looks there is a pause.
pub(super) fn tail(journal: &Journal, id: &str, out: &mut impl Write, mut pause: impl FnMut()) -> Done {
    let (mut seen, mut said) = (0, String::new());
    loop {
        // First how it stands: what it was told before that is among the entries that are read then.
        let session = journal.session(id)?;
        let entries = match journal.entries(id) {
            Err(JournalError::UnknownSession { .. }) if seen > 0 => {
                writeln!(out, "-- it was deleted")?;
                return Ok(());
            }
            entries => entries?,
        };
        for (conversation, entry) in entries.get(seen..).unwrap_or_default() {
            writeln!(out, "{}", line(conversation, entry))?;
        }
        seen = entries.len();
        let Some(session) = session else { continue };
        let (goes_on, waits_for) = waits_for(&session);
        if said != waits_for {
            writeln!(out, "-- {}", safe_line(&waits_for))?;
            said = waits_for;
        }
        if !goes_on {
            return Ok(());
        }
        out.flush()?;
        pause();
    }
}

/// Whether more is to come, and from whom; else how it ended.
fn waits_for(session: &Session) -> (bool, String) {
    match (session.driven_by, &session.end) {
        (Some(pid), _) => (true, format!("process {pid} runs it: waiting for new entries")),
        (None, None) => {
            let what = "it has not ended, and no program runs it: waiting for one that continues it";
            (true, what.to_owned())
        }
        (None, Some(_)) => (false, state(session)),
    }
}

fn line(conversation: &str, entry: &Entry) -> String {
    let line = match entry.call() {
        Some(call) => format!("{conversation} {} {call}", entry.kind()),
        None => format!("{conversation} {}", entry.kind()),
    };
    safe_line(&line).into_owned()
}
