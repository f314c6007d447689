//! The list of sessions.

use std::io::Write;

use agent_core::{End, Usage, message::safe_line};
use agent_journal::{Journal, Session};

use drill::Done;

/// A line a session.
pub(super) fn list(journal: &Journal, out: &mut impl Write) -> Done {
    writeln!(
        out,
        "{:<24} {:<16} {:<12} {:>5} {:>9}  state",
        "session", "agent", "last change", "turns", "tokens"
    )?;
    for session in journal.sessions()? {
        let session = match session {
            Ok(session) => session,
            Err(error) => {
                writeln!(out, "{}", safe_line(&error.to_string()))?;
                continue;
            }
        };
        let Session { id, agent, changed, turns, usage, .. } = &session;
        let Usage { input_tokens, output_tokens, .. } = usage;
        let ago = format!("{} s ago", changed.elapsed().unwrap_or_default().as_secs());
        let tokens = input_tokens + output_tokens;
        let state = match session.driven_by {
            Some(pid) => format!("{}, run by process {pid}", state(&session)),
            None => state(&session),
        };
        let line = format!("{id:<24} {agent:<16} {ago:<12} {turns:>5} {tokens:>9}  {state}");
        writeln!(out, "{}", safe_line(&line))?;
    }
    Ok(())
}

/// Whose turn it is.
pub(super) fn state(session: &Session) -> String {
    match &session.end {
        None => "unfinished".to_owned(),
        Some(End::Answered(_)) => "answered".to_owned(),
        Some(End::Waiting(calls)) => {
            let calls: Vec<String> =
                calls.iter().map(|call| format!("{} ({})", call.key, call.question)).collect();
            format!("waits for a person: {}", calls.join(", "))
        }
        Some(End::Cut(reason)) => format!("cut: {}", reason.as_str()),
        Some(End::Refused(_)) => "refused".to_owned(),
        Some(other) => format!("{other:?}"),
    }
}
