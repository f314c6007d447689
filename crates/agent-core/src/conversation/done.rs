//! What comes back from a delegated conversation.

use super::Conversation;
use crate::{Done, End, Failure, Outcome};

impl Conversation {
    /// What the end of a delegated conversation means for the call that led to it; `None` if it has not ended but waits
    /// for a person.
    pub fn done(&self, end: &Result<End, Failure>) -> Option<Done> {
        let agent = self.agent();
        let outcome = match end {
            Ok(End::Waiting(_)) => return None,
            Ok(End::Answered(text)) if text.trim().is_empty() => {
                Outcome::Output(format!("{agent} is done and said nothing.").into())
            }
            Ok(End::Answered(text)) => Outcome::Output(text.clone().into()),
            Ok(End::Cut(reason)) => {
                let (text, calls) = (self.text(), self.open_calls().count());
                let calls =
                    if calls > 0 { format!("; its calls were not made: {calls}") } else { String::new() };
                Outcome::error(format!(
                    "{agent}'s reply was cut ({}){calls}; it began: {text}",
                    reason.as_str()
                ))
            }
            Ok(End::Refused(_)) => Outcome::error(format!("{agent} refused")),
            Ok(End::TurnLimit(turns)) => Outcome::error(format!("{agent} was not done after {turns} turns")),
            Ok(End::Other(reason)) => Outcome::error(format!("{agent} stopped: {reason}")),
            Err(failure) => Outcome::error(failure.to_string()),
        };
        Some(Done { outcome, usage: self.usage_by_agent() })
    }
}
