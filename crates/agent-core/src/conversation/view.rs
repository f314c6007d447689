//! The part of the record that the next model reads, and the last answer.

use std::{borrow::Cow, collections::HashSet, ops::Range};

use super::{Conversation, Omission, OmissionReason, refused_calls::Notes};
use crate::{Block, BlockKind, Message, Role};

impl Conversation {
    /// The messages that the next model reads. They are the record without parts that are [left
    /// out](Self::omissions), with summaries in their place if there are any, and without what the
    /// API refuses (blank text, cut thinking). If a call
    /// has asked for a transfer, they are the messages that the target agent reads: the open calls
    /// already have the results that they will have after the transfer.
    pub fn reads(&self) -> Vec<Message> {
        self.reads_around(0).1
    }

    /// Like [`reads`](Self::reads), in two parts: what is left of the first `at` messages of the
    /// record, and the rest. [`TransferRecord::at`](crate::conversation::TransferRecord::at) is
    /// such a number.
    pub fn reads_around(&self, at: usize) -> (Vec<Message>, Vec<Message>) {
        let (all, split) = (self.messages.len(), at.min(self.messages.len()));
        let messages = |places| self.sent(places).into_iter().map(|(_, message)| message).collect();
        let (mut before, mut since): (Vec<_>, Vec<_>) = (messages(0..split), messages(split..all));
        if let Some((_, transfer)) = self.transfer() {
            let results = Message::new(Role::User, self.results_after_transfer(&transfer.to));
            if at > self.messages.len() { before.push(results) } else { since.push(results) }
        }
        (before, since)
    }

    /// The text of the last reply that was not [taken back](Self::take_back). If the reply came in
    /// several messages, it is the text of all of them. If a call [ended the
    /// run](crate::Outcome::Answer) after it, it is the text of that answer.
    pub fn text(&self) -> String {
        self.text_of_call_answer().unwrap_or_else(|| self.text_of_last_reply())
    }

    fn text_of_last_reply(&self) -> String {
        let all = self.messages.iter().enumerate().rev();
        let left = all.filter(|(place, _)| !self.is_taken_back(*place)).map(|(_, message)| message);
        let replies = left.skip_while(|message| message.role() != Role::Assistant);
        let last: Vec<String> =
            replies.take_while(|message| message.role() == Role::Assistant).map(Message::text).collect();
        last.into_iter().rev().collect()
    }

    /// The messages at these indexes, as they are sent, each with its index. A summary has none.
    fn sent(&self, places: Range<usize>) -> Vec<(Option<usize>, Message)> {
        let omitted = Omitted::of(self);
        let notes = match omitted {
            Some(_) if !places.is_empty() => self.notes(),
            _ => Notes::default(),
        };
        let mut sent = Vec::with_capacity(places.len());
        for place in places {
            let summary = omitted.as_ref().and_then(|omitted| omitted.summary(place));
            sent.extend(summary.map(|summary| (None, summary)));
            let message = self.sent_as(place, &omitted);
            sent.extend(message.map(|message| (Some(place), notes.put_into(place, message.into_owned()))));
        }
        sent
    }

    /// The notes about refused exchanges. A summary does not move a note to a later message.
    fn notes(&self) -> Notes {
        let omitted = Omitted::without_summaries(self);
        Notes::of(self, |place| self.sent_as(place, &omitted))
    }

    /// For each message of a request, its index in the record; see
    /// [`Request::places`](crate::model::RequestParts::places).
    pub(crate) fn places_of(&self, messages: &[Message]) -> Vec<Option<usize>> {
        let mut places = vec![None; messages.len()];
        if !self.has_pending_transfer() {
            let sent = self.sent(self.spoken_since().min(self.messages.len())..self.messages.len());
            let pairs = places.iter_mut().zip(messages).rev().zip(sent.iter().rev());
            for ((place, message), (index, sent)) in pairs {
                if message != sent {
                    break;
                }
                *place = *index;
            }
        }
        places
    }

    /// Whether one of these messages is sent now, not counting instructions, which are always sent.
    pub(super) fn sends_any_of(&self, mut places: Range<usize>) -> bool {
        let omitted = Omitted::of(self);
        places.any(|place| {
            self.messages[place].role() != Role::System && self.sent_as(place, &omitted).is_some()
        })
    }

    /// Whether the model has something new to read since its last reply, or since something was
    /// taken back, and the user has said anything at all.
    pub(super) fn has_news(&self) -> bool {
        let taken_back = self.omissions.iter().filter(|part| part.why == OmissionReason::TakenBack);
        let (since, all) = (taken_back.map(|part| part.to).max().unwrap_or(0), self.messages.len());
        let omitted = Omitted::of(self);
        let role = |place: usize| self.messages[place].role();
        let is_sent = |place: usize| self.sent_as(place, &omitted).is_some();
        let mut unanswered = (since..all).rev().take_while(|place| role(*place) != Role::Assistant);
        let has_summary = || omitted.as_ref().is_some_and(|omitted| !omitted.summaries.is_empty());
        let is_of_user = |place: usize| role(place) == Role::User && is_sent(place);
        unanswered.any(is_sent) && (has_summary() || (0..all).any(is_of_user))
    }

    fn sent_as(&self, place: usize, omitted: &Option<Omitted>) -> Option<Cow<'_, Message>> {
        let message = &self.messages[place];
        omitted.as_ref().map_or_else(|| message.sendable(), |omitted| omitted.rest_of(place, message))
    }
}

/// The parts of the record that are not sent.
struct Omitted {
    places: Vec<bool>,
    /// The calls in these parts. Their results may come after them.
    calls: HashSet<String>,
    /// The summaries that are sent instead, by the index of the first message that each replaces.
    summaries: Vec<(usize, Message)>,
}

impl Omitted {
    /// `None` if everything is sent, which is the usual case.
    fn of(conversation: &Conversation) -> Option<Self> {
        if conversation.omissions.is_empty() {
            return None;
        }
        let mut omitted = Self::parts(conversation, conversation.omissions_in_force());
        let since = conversation.spoken_since();
        let starts_here = |part: &Omission| part.summary.is_some() && part.from == since;
        omitted.summaries = conversation.summaries();
        if conversation.omissions_in_force().any(starts_here) {
            // The speaker's summary also stands for what it had read from before it spoke.
            omitted.hide(conversation, 0..since);
            omitted.summaries.retain(|(place, _)| *place >= since);
        }
        Some(omitted)
    }

    /// As if there were no summaries. `None` if nothing is omitted.
    fn without_summaries(conversation: &Conversation) -> Option<Self> {
        let parts = || conversation.omissions.iter().filter(|part| part.summary.is_none());
        parts().next().map(|_| Self::parts(conversation, parts()))
    }

    fn parts<'p>(conversation: &Conversation, parts: impl Iterator<Item = &'p Omission>) -> Self {
        let mut omitted = Self {
            places: vec![false; conversation.messages.len()],
            calls: HashSet::new(),
            summaries: Vec::new(),
        };
        parts.for_each(|part| omitted.hide(conversation, part.places()));
        omitted
    }

    fn hide(&mut self, conversation: &Conversation, places: Range<usize>) {
        for place in places {
            // A later summary replaces what earlier ones have replaced, too.
            if !std::mem::replace(&mut self.places[place], true) {
                let calls = conversation.messages[place].tool_calls();
                self.calls.extend(calls.map(|call| call.id.clone()));
            }
        }
    }

    /// The summary that begins at this index.
    fn summary(&self, place: usize) -> Option<Message> {
        self.summaries.iter().find(|(from, _)| *from == place).map(|(_, summary)| summary.clone())
    }

    /// What is sent of the message at this index.
    fn rest_of<'m>(&self, place: usize, message: &'m Message) -> Option<Cow<'m, Message>> {
        let is_omitted = self.places[place] && message.role() != Role::System;
        let goes = |block: &Block| match block.kind() {
            BlockKind::ToolResult { tool_use_id, .. } => self.calls.contains(tool_use_id),
            _ => is_omitted,
        };
        if !message.content().iter().any(goes) {
            return message.sendable();
        }
        let rest: Vec<Block> = message.content().iter().filter(|block| !goes(block)).cloned().collect();
        let rest = message.with_content(rest);
        rest.sendable().map(|rest| Cow::Owned(rest.into_owned()))
    }
}
