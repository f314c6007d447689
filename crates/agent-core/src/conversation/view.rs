//! The part of the record that the next model reads, and the last answer.

use std::{borrow::Cow, collections::HashSet, ops::Range};

use super::{Conversation, OmissionReason, refused_calls::Notes};
use crate::{Block, BlockKind, Message, Role};

impl Conversation {
    /// The messages that the next model reads. They are the record without parts that are [left
    /// out](Self::omissions) and without what the API refuses (blank text, cut thinking). If a call
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
        let (mut before, mut since) = (self.sent(0..split), self.sent(split..all));
        if let Some((_, transfer)) = self.transfer() {
            let results = Message::new(Role::User, self.results_after_transfer(&transfer.to));
            if at > self.messages.len() { before.push(results) } else { since.push(results) }
        }
        (before, since)
    }

    /// The text of the last reply that was not [taken back](Self::take_back). If the reply came in
    /// several messages, it is the text of all of them.
    pub fn text(&self) -> String {
        let all = self.messages.iter().enumerate().rev();
        let left = all.filter(|(place, _)| !self.is_taken_back(*place)).map(|(_, message)| message);
        let replies = left.skip_while(|message| message.role() != Role::Assistant);
        let last: Vec<String> =
            replies.take_while(|message| message.role() == Role::Assistant).map(Message::text).collect();
        last.into_iter().rev().collect()
    }

    /// The messages at these indexes, as they are sent.
    fn sent(&self, places: Range<usize>) -> Vec<Message> {
        let omitted = Omitted::of(self);
        let sent = |place: usize| self.sent_as(place, &omitted);
        let notes = match omitted {
            Some(_) if !places.is_empty() => Notes::of(self, sent),
            _ => Notes::default(),
        };
        places.filter_map(|place| Some(notes.put_into(place, sent(place)?.into_owned()))).collect()
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
        unanswered.any(is_sent) && (0..all).any(|place| role(place) == Role::User && is_sent(place))
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
}

impl Omitted {
    /// `None` if everything is sent, which is the usual case.
    fn of(conversation: &Conversation) -> Option<Self> {
        if conversation.omissions.is_empty() {
            return None;
        }
        let mut places = vec![false; conversation.messages.len()];
        for part in &conversation.omissions {
            places[part.places()].fill(true);
        }
        let all = conversation.messages.iter().zip(&places);
        let omitted = all.filter_map(|(message, is_omitted)| is_omitted.then_some(message));
        let calls = omitted.flat_map(Message::tool_calls).map(|call| call.id.clone()).collect();
        Some(Self { places, calls })
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
        let rest = Message::new(message.role(), rest);
        rest.sendable().map(|rest| Cow::Owned(rest.into_owned()))
    }
}
