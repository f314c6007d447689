//! Checks that calls and tool messages belong together, over all messages.

use serde_json::Value;

use crate::{
    json::list,
    openai::errors::{Verdict, must, refuse},
};

/// The calls of the last assistant message.
#[derive(Default)]
struct Calls<'a> {
    ids: Vec<&'a str>,
    /// The calls that have a tool message, and where.
    answered: Vec<(&'a str, usize)>,
}

/// Checks that each call has exactly one tool message right after it, and that each tool message has
/// a call.
pub(super) fn check(messages: &[Value]) -> Verdict {
    let mut calls = Calls::default();
    for (place, message) in messages.iter().enumerate() {
        if message["role"] == "tool" {
            calls.answer(message["tool_call_id"].as_str().unwrap_or_default(), place)?;
        } else {
            calls.check_answered(place)?;
            let ids = list(&message["tool_calls"]).iter().filter_map(|call| call["id"].as_str());
            calls = Calls { ids: ids.collect(), answered: Vec::new() };
        }
    }
    calls.check_answered(messages.len())
}

impl<'a> Calls<'a> {
    /// Takes in a tool message for this call.
    fn answer(&mut self, id: &'a str, place: usize) -> Verdict {
        must(!self.ids.is_empty(), || {
            let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding \
                           message with 'tool_calls'.";
            refuse(&format!("messages.[{place}].role"), message)
        })?;
        let at = format!("messages.[{place}].tool_call_id");
        must(self.ids.contains(&id), || {
            let message = format!(
                "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message."
            );
            refuse(&at, message)
        })?;
        if let Some((_, before)) = self.answered.iter().find(|(answered, _)| *answered == id) {
            let message = format!(
                "Invalid parameter: Duplicate value for 'tool_call_id' of '{id}', in messages[{before}] and \
                 messages[{place}]."
            );
            return Err(refuse(&at, message));
        }
        self.answered.push((id, place));
        Ok(())
    }

    /// Checks that no call is left when the message at this place comes.
    fn check_answered(&self, place: usize) -> Verdict {
        let is_open = |id: &&&str| !self.answered.iter().any(|(answered, _)| answered == *id);
        let open: Vec<&str> = self.ids.iter().filter(is_open).copied().collect();
        must(open.is_empty(), || {
            let message = format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
                open.join(", ")
            );
            refuse(&format!("messages.[{place}].role"), message)
        })
    }
}
