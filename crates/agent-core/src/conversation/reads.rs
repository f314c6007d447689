//! What is read of a conversation: by the next model, and as the last answer.

use super::Conversation;
use crate::{Message, Role};

impl Conversation {
    /// What the next model reads: the record without what is [left out](Self::omissions) and what the API refuses to read back
    /// (blank text, cut thinking), and, while the conversation is about to go over to another agent, with the results it will
    /// have then.
    pub fn reads(&self) -> Vec<Message> {
        self.reads_around(0).1
    }

    /// The same in two parts: what is among the first `at` messages, and what comes after; see
    /// [`TransferRecord::at`](crate::conversation::TransferRecord::at).
    pub fn reads_around(&self, at: usize) -> (Vec<Message>, Vec<Message>) {
        let (all, split) = (self.messages.len(), at.min(self.messages.len()));
        let (mut before, mut since) = (self.sent(0..split), self.sent(split..all));
        if let Some((_, transfer)) = self.transfer() {
            let results = Message::new(Role::User, self.results_after(&transfer.to));
            if at > self.messages.len() { before.push(results) } else { since.push(results) }
        }
        (before, since)
    }

    /// The words of the last reply that was not [taken back](Self::take_back), also if it came in several parts.
    pub fn text(&self) -> String {
        let all = self.messages.iter().enumerate().rev();
        let left = all.filter(|(place, _)| !self.is_taken_back(*place)).map(|(_, message)| message);
        let replies = left.skip_while(|message| message.role() != Role::Assistant);
        let last: Vec<String> =
            replies.take_while(|message| message.role() == Role::Assistant).map(Message::text).collect();
        last.into_iter().rev().collect()
    }
}
