//! Writes a conversation as text.

use std::fmt;

use super::{Conversation, Omission, OmissionReason, Slot, State, TransferRecord};
use crate::{Block, BlockKind, Role, safe_line, safe_lines};

/// Writes a transcript for people to read: one line per block, with the speaker's name. It is [safe
/// to show](crate::message::safe_lines). If a block has several lines, the others begin with `|`,
/// so that none looks like another speaker's. Open calls of the last reply come at the end.
impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, message) in self.messages.iter().enumerate() {
            self.write_answer(f, place)?;
            self.write_left_out(f, place)?;
            for TransferRecord { from, to, call, .. } in
                self.transfer_records.iter().filter(|passage| passage.at == place)
            {
                let verb = if call.is_some() { "takes over" } else { "has it back" };
                write_safe(f, &format!("-- {to} {verb} from {from}"))?;
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
                write_safe(f, &format!("{role}: (nothing)"))?;
            }
        }
        self.write_answer(f, self.messages.len())?;
        self.write_left_out(f, self.messages.len())?;
        self.all_slots().try_for_each(|slot| write_slot(f, slot))?;
        self.detached.untold.iter().try_for_each(|slot| write_slot(f, slot))
    }
}

impl Conversation {
    /// Says which call ended the run after this many messages.
    fn write_answer(&self, f: &mut fmt::Formatter<'_>, messages: usize) -> fmt::Result {
        let mut answers = self.call_answers.iter().filter(|answer| answer.ends(messages));
        answers
            .try_for_each(|answer| write_safe(f, &format!("-- the result of {} is the answer", answer.call)))
    }

    /// Says what was left out after this many messages.
    fn write_left_out(&self, f: &mut fmt::Formatter<'_>, messages: usize) -> fmt::Result {
        for Omission { from, to, why, .. } in self.omissions.iter().filter(|part| part.to == messages) {
            let what = match to - from {
                1 => "the last message was".to_owned(),
                many => format!("the last {many} messages were"),
            };
            match why {
                OmissionReason::Refused => writeln!(f, "-- {what} refused, and not sent again")?,
                OmissionReason::TakenBack => writeln!(f, "-- {what} taken back")?,
                // The reply with the summary says it.
                OmissionReason::Compacted => {}
            }
        }
        Ok(())
    }
}

fn write_slot(f: &mut fmt::Formatter<'_>, slot: &Slot) -> fmt::Result {
    let state = match &slot.state {
        State::Planned => "waits for other steps".to_owned(),
        State::Open => "open".to_owned(),
        State::Approved => "allowed".to_owned(),
        State::Waiting { question } => format!("waits for a person: {question}"),
        State::Transfer(transfer) => format!("transfer to {}", transfer.to),
        State::Done { content, is_error: false } => format!("= {}", content.describe()),
        State::Done { content, .. } => format!("failed: {}", content.describe()),
        State::Answer { content, .. } => format!("answers: {}", content.describe()),
        State::Skipped(skipped) => skipped.text(),
        State::Delegated(child) => {
            write_safe(f, &format!("({} is with {})", slot.call.id, child.agent))?;
            return child.to_string().lines().try_for_each(|line| writeln!(f, "    {line}"));
        }
    };
    write_safe(f, &format!("({} {state})", slot.call.id))
}

fn write_block(f: &mut fmt::Formatter<'_>, role: &str, block: &Block) -> fmt::Result {
    let text = match block.kind() {
        BlockKind::Text(text) => format!("{role}: {text}"),
        // Line feeds inside JSON don't matter, so it is written on one line.
        BlockKind::ToolUse(call) => {
            format!("  > {} {} {}", call.id, call.name, safe_line(call.input.text()))
        }
        BlockKind::ToolResult { tool_use_id, content, is_error } => {
            let sign = if *is_error { "failed:" } else { "=" };
            format!("  < {tool_use_id} {sign} {}", content.describe())
        }
        BlockKind::HistorySummary { text, before } => {
            format!("-- sent instead of what is older than message {before}: {text}")
        }
        _ => format!("{role}: {}", safe_line(block.json().text())),
    };
    write_safe(f, &text)
}

/// Writes text that usually has one line.
fn write_safe(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let text = safe_lines(text);
    let (first, more) = text.split_once('\n').map_or((&*text, None), |(first, more)| (first, Some(more)));
    writeln!(f, "{first}")?;
    more.into_iter().flat_map(|more| more.split('\n')).try_for_each(|line| writeln!(f, "  | {line}"))
}
