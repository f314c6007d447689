//! The trace of the run of a session, so that it goes on in whatever process continues the run.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use agent_core::event::TraceParents;
use rusqlite::Connection;

use crate::{
    Journal,
    journal::Inner,
    table::{self, SessionNumber},
};

/// The trace of the run of a session.
#[derive(Debug)]
pub(crate) struct RunTrace {
    /// Calls that can't be stopped may outlive the journal, and they still have their listener.
    journal: Weak<Inner>,
    session: SessionNumber,
    text: Mutex<Option<String>>,
}

impl RunTrace {
    /// `text` is what the file has.
    pub(crate) fn new(journal: &Journal, session: SessionNumber, text: Option<String>) -> Self {
        Self { journal: journal.downgrade(), session, text: Mutex::new(text) }
    }

    /// The run has ended. The next one is another trace.
    pub(crate) fn end(&self) {
        if self.text().take().is_some() {
            self.write(None);
        }
    }

    /// Writes the text together with the next entries. It is written before any entry that is sent
    /// later.
    fn write(&self, text: Option<String>) {
        let Some(journal) = self.journal.upgrade().map(Journal::of) else { return };
        let (file, session) = (journal.file().clone(), self.session);
        let write = move |connection: &Connection| {
            table::set_trace(connection, session, text.as_deref()).map_err(|error| file.error(&error))
        };
        // If the disk is full, the run ends with that error.
        journal.write_soon(write, |_| ());
    }

    fn text(&self) -> MutexGuard<'_, Option<String>> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TraceParents for RunTrace {
    fn find(&self, _: &str) -> Option<String> {
        self.text().clone()
    }

    fn keep(&self, _: &str, text: &str) {
        *self.text() = Some(text.to_owned());
        self.write(Some(text.to_owned()));
    }
}
