//! What a client is told while its call runs.

use agent_core::{Event, EventKind, message::safe_line};

use super::tool_caller::TOOL_CALLER;

/// What an event says to the client, in one line; `None` if it says nothing.
pub(crate) fn report(event: &Event) -> Option<String> {
    let agent = &event.agent;
    let is_plain_call = &**agent == TOOL_CALLER;
    let text = match &event.kind {
        // The client has made this call itself and reads its result.
        EventKind::TurnStarted { .. } | EventKind::CallStarted { .. } | EventKind::CallEnded { .. }
            if is_plain_call =>
        {
            return None;
        }
        EventKind::CallProgress { text, .. } if is_plain_call => text.into(),
        EventKind::TurnStarted { .. } => format!("{agent} asks its model"),
        EventKind::CallStarted { tool, .. } => format!("{agent} calls {tool}"),
        EventKind::CallProgress { tool, text, .. } => format!("{tool}: {text}"),
        EventKind::CallEnded { tool, is_error: false, .. } => format!("{tool} has ended"),
        EventKind::CallEnded { tool, is_error: true, .. } => format!("{tool} has failed"),
        EventKind::Delegated { to, .. } => format!("{agent} gives a task to {to}"),
        EventKind::Transferred { from } => format!("{agent} takes over from {from}"),
        EventKind::CallWaiting { question, .. } => format!("waits for a person: {question}"),
        _ => return None,
    };
    Some(safe_line(&text).into_owned())
}
