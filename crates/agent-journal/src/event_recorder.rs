//! Writes the events of a host into the journal, and lets no run wait for that.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use agent_core::Event;
use rusqlite::Connection;

use crate::{
    Journal, JournalError, event_table,
    file::JournalFile,
    journal::Inner,
    leases,
    ledger::Ledger,
    table::{self, SessionNumber},
};

/// Keeps the events of a host. On drop, it takes no more events, because others may drive the
/// session then.
pub(crate) struct EventRecorder(Arc<Recorder>);

struct Recorder {
    /// Calls that can't be stopped may outlive the journal, and they still have their listener.
    journal: Weak<Inner>,
    file: JournalFile,
    session: SessionNumber,
    holder: String,
    unwritten: Mutex<Unwritten>,
}

/// The events that are not on the disk yet.
#[derive(Default)]
struct Unwritten {
    /// When the run began, in ms since 1970. Known from the first event.
    began: Option<i64>,
    /// In the order in which they happened, each with its number among the events of this host.
    events: Vec<(u64, Event)>,
    next: u64,
    /// Where the newest event of each conversation is in `events`.
    newest: HashMap<Arc<str>, usize>,
    /// A job is on its way to the writer that writes all events that are here when it is carried
    /// out.
    is_sent: bool,
    is_closed: bool,
}

impl EventRecorder {
    /// Returns the listener that gets the events, too.
    pub(crate) fn new(ledger: &Ledger) -> (impl Fn(&Event) + Send + Sync + use<>, Self) {
        let journal = ledger.journal();
        let holder = journal.holder().expect("a host has a lease, so its journal has a holder");
        let recorder = Arc::new(Recorder {
            journal: journal.downgrade(),
            file: journal.file().clone(),
            session: ledger.number,
            holder: holder.name.clone(),
            unwritten: Mutex::default(),
        });
        let listener = recorder.clone();
        (move |event: &Event| listener.record(event), Self(recorder))
    }
}

impl Drop for EventRecorder {
    fn drop(&mut self) {
        let is_left = {
            let mut unwritten = self.0.unwritten();
            unwritten.is_closed = true;
            !unwritten.events.is_empty() && !mem::replace(&mut unwritten.is_sent, true)
        };
        if is_left {
            self.0.send();
        }
    }
}

impl Recorder {
    fn record(self: &Arc<Self>, event: &Event) {
        let is_first = {
            let mut unwritten = self.unwritten();
            if unwritten.is_closed {
                return;
            }
            unwritten.push(event.clone());
            !mem::replace(&mut unwritten.is_sent, true)
        };
        if is_first {
            self.send();
        }
    }

    /// Sends a job that writes the events. It is sent before the lease can be given up, and so it
    /// is written before that.
    fn send(self: &Arc<Self>) {
        let Some(journal) = self.journal.upgrade().map(Journal::of) else { return };
        let (own, taken) = (self.clone(), Arc::new(Mutex::new(Vec::new())));
        let (back, kept) = (self.clone(), taken.clone());
        let write = move |connection: &Connection| {
            let (began, events) = own.unwritten().take();
            let written = own.write(connection, began, &events);
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = events;
            written
        };
        journal.write_soon(write, move |done| {
            if done.is_err() {
                // The next job tries again. If the disk stays full, the run ends with that error.
                let events = mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
                back.unwritten().put_back(events);
            }
        });
    }

    fn write(
        &self,
        connection: &Connection,
        began: i64,
        events: &[(u64, Event)],
    ) -> Result<(), JournalError> {
        let wrong = |error| self.file.error(&error);
        if !leases::is_held(connection, self.session, &self.holder).map_err(wrong)? {
            // Another process continues the session. Nothing is written between its events.
            return Ok(());
        }
        let events = events.iter().map(|(_, event)| event);
        event_table::add(connection, self.session, began, events).map_err(wrong)
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unwritten {
    fn push(&mut self, event: Event) {
        let at = i64::try_from(event.at.as_millis()).unwrap_or(i64::MAX);
        self.began.get_or_insert_with(|| table::now().saturating_sub(at));
        let newest = self.newest.get(&event.conversation).and_then(|&place| self.events.get_mut(place));
        if newest.is_some_and(|(_, newest)| newest.append(&event)) {
            return;
        }
        self.newest.insert(event.conversation.clone(), self.events.len());
        self.events.push((self.next, event));
        self.next += 1;
    }

    /// Takes the events to write them, and when their run began.
    fn take(&mut self) -> (i64, Vec<(u64, Event)>) {
        self.is_sent = false;
        self.newest.clear();
        (self.began.unwrap_or_default(), mem::take(&mut self.events))
    }

    /// Puts events back that could not be written.
    fn put_back(&mut self, events: Vec<(u64, Event)>) {
        self.newest.clear();
        self.events.extend(events);
        self.events.sort_by_key(|(number, _)| *number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use agent_core::{Delta, EventKind, model::Piece};
    use serde_json::json;

    use super::*;

    fn event(conversation: &str, kind: EventKind) -> Event {
        let text = json!({
            "at_ms": 0, "conversation": conversation, "depth": 0, "agent": "main",
            "kind": serde_json::to_value(kind).unwrap(),
        });
        serde_json::from_value(text).unwrap()
    }

    fn piece(conversation: &str, index: usize, piece: Piece) -> Event {
        event(conversation, EventKind::Delta(Delta::Piece { index, piece }))
    }

    fn text(conversation: &str, text: &str) -> Event {
        piece(conversation, 0, Piece::Text(text.to_owned()))
    }

    /// What is written of these events.
    fn check(events: &[Event], expected: &[Event]) {
        let mut unwritten = Unwritten::default();
        events.iter().for_each(|event| unwritten.push(event.clone()));
        let (_, written) = unwritten.take();
        assert_eq!(written.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), expected);
        assert_eq!(unwritten.take().1, []);
    }

    #[test]
    fn pieces_of_one_text_are_one_event_and_no_others_are() {
        let (a, b) = (|words| text("s", words), |words| text("s/b", words));
        check(&[a("One "), a("two "), a("three.")], &[a("One two three.")]);
        // Replies that stream in parallel.
        check(&[a("1"), b("a"), a("2"), b("b")], &[a("12"), b("ab")]);
        let end = || event("s", EventKind::Delta(Delta::BlockEnd { index: 0 }));
        check(&[a("1"), end(), a("2")], &[a("1"), end(), a("2")]);
    }

    #[test]
    fn the_first_piece_gives_the_time() {
        let (mut first, mut second) = (text("s", "1"), text("s", "2"));
        (first.at, second.at) = (Duration::from_millis(5), Duration::from_millis(9));
        let mut both = text("s", "12");
        both.at = first.at;
        check(&[first, second], &[both]);
    }

    #[test]
    fn what_could_not_be_written_is_written_first_by_the_next_job() {
        let mut unwritten = Unwritten::default();
        unwritten.push(text("s", "1"));
        let (_, first) = unwritten.take();
        unwritten.push(text("s/b", "2"));
        let (_, second) = unwritten.take();
        unwritten.push(text("s/c", "3"));
        unwritten.put_back(first);
        unwritten.put_back(second);
        let events: Vec<Event> = unwritten.take().1.into_iter().map(|(_, event)| event).collect();
        assert_eq!(events, [text("s", "1"), text("s/b", "2"), text("s/c", "3")]);
    }
}
