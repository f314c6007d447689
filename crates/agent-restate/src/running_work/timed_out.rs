//! What is told of work that took too long.

use std::time::Duration;

use agent_core::{Content, Outcome, RunError, StopReason, tool::Done};
use restate_sdk::errors::TerminalError;

use crate::stopped::CANCELLED;

/// Work that was stopped because of its time limit says that, and not that it was cancelled.
pub(super) fn as_timed_out(
    done: Result<Done, TerminalError>,
    limit: Duration,
) -> Result<Done, TerminalError> {
    let why = RunError::TimedOut { limit }.to_string();
    match done {
        Err(error) if error.code() == CANCELLED => Ok(Outcome::error(why).into()),
        Ok(Done { outcome: Outcome::Error(Content::Text(text)), usage }) => {
            let cut = format!("({})", StopReason::Cancelled.as_str());
            let text = match text.contains(RunError::WAS_CANCELLED) {
                true => text.replacen(RunError::WAS_CANCELLED, &why, 1),
                // The part of its last reply that was streamed is kept.
                false => text.replacen(&cut, &format!("({why})"), 1),
            };
            Ok(Done { outcome: Outcome::error(text), usage })
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_45_on_the_engine_what_took_too_long_says_so() {
        let check = |done: Result<Outcome, TerminalError>, expected: Outcome| {
            let late = as_timed_out(done.map(Done::from), Duration::from_secs(5)).unwrap();
            assert_eq!(late.outcome, expected);
        };
        let stopped =
            |why: &str| Outcome::error(format!("clerk stopped: {why}\nIts calls so far:\n- pay {{}} = paid"));
        check(Ok(stopped("it was cancelled")), stopped("timed out after 5s"));
        let cut = |why: &str| Outcome::error(format!("clerk's reply was cut ({why}); it began: One"));
        check(Ok(cut("cancelled")), cut("timed out after 5s"));
        check(Err(TerminalError::new_with_code(409, "cancelled")), Outcome::error("timed out after 5s"));
        // It finished before the limit.
        check(Ok(Outcome::output("it was cancelled")), Outcome::output("it was cancelled"));
    }
}
