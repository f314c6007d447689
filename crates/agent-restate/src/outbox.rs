//! Events of a session that this process has not sent yet.

use std::{collections::HashMap, mem, sync::Arc};

use crate::event_store::TimedEvent;

/// The most events that wait to be sent. When there are more, the oldest are dropped. The offsets
/// of the others show it.
const MOST: usize = 4096;

/// Events of a session that this process has not sent yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    events: Vec<TimedEvent>,
    /// Where the newest event of each conversation is in `events`.
    newest: HashMap<Arc<str>, usize>,
    lost: u64,
    /// The numbers of the newest event that was pushed, of the newest that was sent, and of the
    /// newest for which somebody waits.
    pub(crate) pushed: u64,
    pub(crate) sent: u64,
    pub(crate) wanted: u64,
    /// A task sends them.
    pub(crate) is_sending: bool,
}

impl Outbox {
    /// Adds an event, with its number.
    pub(crate) fn push(&mut self, number: u64, heard: TimedEvent) {
        self.pushed = number;
        let newest = self.newest.get(&heard.event.conversation).and_then(|&place| self.events.get_mut(place));
        if newest.is_some_and(|newest| newest.event.append(&heard.event)) {
            return;
        }
        if self.events.len() == MOST {
            self.newest.clear();
            self.events.drain(..MOST / 4);
            self.lost += MOST as u64 / 4;
        }
        self.newest.insert(heard.event.conversation.clone(), self.events.len());
        self.events.push(heard);
    }

    /// Takes the events to send them, and how many were lost before them.
    pub(crate) fn take(&mut self) -> (u64, Vec<TimedEvent>) {
        self.newest.clear();
        (mem::take(&mut self.lost), mem::take(&mut self.events))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_core::{Delta, Event, EventKind, model::Piece};

    use super::*;

    fn told(conversation: &str, kind: EventKind) -> TimedEvent {
        TimedEvent { at: 7, once: None, event: Event::new(Duration::ZERO, conversation, 0, "main", kind) }
    }

    fn text(conversation: &str, words: &str) -> TimedEvent {
        let piece = Piece::Text(words.to_owned());
        told(conversation, EventKind::Delta(Delta::Piece { index: 0, piece }))
    }

    #[test]
    fn pieces_of_replies_that_stream_in_parallel_are_joined() {
        let mut outbox = Outbox::default();
        for (conversation, words) in [("s", "1"), ("s/b", "a"), ("s", "2"), ("s/b", "b")] {
            outbox.push(1, text(conversation, words));
        }
        assert_eq!(outbox.take(), (0, vec![text("s", "12"), text("s/b", "ab")]));
        assert_eq!(outbox.take(), (0, Vec::new()));
    }

    #[test]
    fn of_too_many_events_the_oldest_are_dropped_and_counted() {
        let mut outbox = Outbox::default();
        let event = || told("s", EventKind::TurnStarted { messages: Vec::new() });
        (0..=MOST).for_each(|_| outbox.push(1, event()));
        let (lost, events) = outbox.take();
        assert_eq!(lost as usize + events.len(), MOST + 1);
        assert_eq!(outbox.take().0, 0, "they were told");
    }
}
