//! Summaries that are sent instead of earlier messages.

use std::ops::Range;

use super::{Conversation, Omission, OmissionReason};
use crate::{BlockKind, Message, Response, StopReason};

impl Conversation {
    /// The part of the record that the summary in this reply replaces. `None` if the reply has no
    /// summary, or if nothing would be shorter. So a model is asked again after a summary only
    /// finitely often.
    ///
    /// What an agent reads of the messages before a transfer to it is filtered. Its summary knows
    /// only that, so it replaces nothing before the transfer for other agents.
    pub(in super::super) fn part_to_compact(&self, reply: &Response) -> Option<Range<usize>> {
        let [block] = &reply.content[..] else { return None };
        let BlockKind::HistorySummary { text, before } = block.kind() else { return None };
        let part = self.spoken_since()..*before;
        let is_usable = reply.stop_reason == StopReason::Compaction && !text.trim().is_empty();
        let shortens = || *before <= self.messages.len() && self.sends_any_of(part.clone());
        (is_usable && shortens()).then_some(part)
    }

    /// Leaves out this part. The last message has the summary of it.
    pub(in super::super) fn compact(&mut self, part: Range<usize>) {
        let (why, summary) = (OmissionReason::Compacted, self.messages.len().checked_sub(1));
        self.omissions.push(Omission { from: part.start, to: part.end, why, summary });
    }

    /// The index of the first message since the speaker got the conversation; 0 if it has had it
    /// from the start.
    pub(in super::super) fn spoken_since(&self) -> usize {
        self.transfer_to_speaker().map_or(0, |record| record.at)
    }

    /// The omissions without summaries of parts that were refused or taken back later: such a
    /// summary may repeat what must not be sent.
    pub(in super::super) fn omissions_in_force(&self) -> impl Iterator<Item = &Omission> {
        let is_off = |part: &Omission| {
            part.summary.is_some_and(|summary| {
                let mut others = self.omissions.iter().filter(|other| other.summary.is_none());
                others.any(|other| other.to > summary && other.from < part.to)
            })
        };
        self.omissions.iter().filter(move |part| !is_off(part))
    }

    /// The summaries that are sent, each with the index of the first message that it replaces.
    pub(in super::super) fn summaries(&self) -> Vec<(usize, Message)> {
        let compacted: Vec<&Omission> =
            self.omissions_in_force().filter(|part| part.summary.is_some()).collect();
        let is_replaced = |place: usize, part: &Omission| {
            compacted[place + 1..].iter().any(|later| later.places().contains(&part.from))
        };
        let sent = compacted.iter().enumerate().filter(|(place, part)| !is_replaced(*place, part));
        sent.filter_map(|(_, part)| Some((part.from, self.summary_at(part.summary?)?))).collect()
    }

    /// The summary in the reply at this index, as a message of the user.
    pub(in super::super) fn summary_at(&self, reply: usize) -> Option<Message> {
        self.messages.get(reply)?.content().iter().find_map(|block| match block.kind() {
            BlockKind::HistorySummary { text, .. } => Some(Message::user(text.as_str())),
            _ => None,
        })
    }
}
