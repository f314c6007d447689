//! A conversation as text.

use std::fmt;

use super::{Conversation, Passage, State};
use crate::{Block, Kind, Role};

/// The transcript: a line a block, with who spoke. What is still to be done for the last reply stands at the end.
impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, message) in self.messages.iter().enumerate() {
            for Passage { from, to, call, .. } in self.passages.iter().filter(|passage| passage.at == place) {
                let verb = if call.is_some() { "takes over" } else { "has it back" };
                writeln!(f, "-- {to} {verb} from {from}")?;
            }
            let role = match message.role() {
                Role::User => "user",
                Role::Assistant => self.agent_at(place),
                Role::System => "system",
            };
            for block in message.content() {
                write_block(f, role, block)?;
            }
            if message.content().is_empty() {
                writeln!(f, "{role}: (nothing)")?;
            }
        }
        for slot in &self.slots {
            let state = match &slot.state {
                State::Open => "open".to_owned(),
                State::Allowed => "allowed".to_owned(),
                State::Waiting { question } => format!("waits for a person: {question}"),
                State::Transfer(transfer) => format!("transfer to {}", transfer.to),
                State::Done { content, is_error: false } => format!("= {}", content.to_text()),
                State::Done { content, .. } => format!("failed: {}", content.to_text()),
                State::Delegated(child) => {
                    writeln!(f, "({} is with {})", slot.call.id, child.agent)?;
                    child.to_string().lines().try_for_each(|line| writeln!(f, "    {line}"))?;
                    continue;
                }
            };
            writeln!(f, "({} {state})", slot.call.id)?;
        }
        Ok(())
    }
}

fn write_block(f: &mut fmt::Formatter<'_>, role: &str, block: &Block) -> fmt::Result {
    match block.kind() {
        Kind::Text(text) => writeln!(f, "{role}: {text}"),
        Kind::ToolUse(call) => writeln!(f, "  > {} {} {}", call.id, call.name, call.input.text()),
        Kind::ToolResult { tool_use_id, content, is_error } => {
            let sign = if *is_error { "failed:" } else { "=" };
            writeln!(f, "  < {tool_use_id} {sign} {}", content.to_text())
        }
        _ => writeln!(f, "{role}: {}", block.json().text()),
    }
}
