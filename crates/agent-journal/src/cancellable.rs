//! Cancelling the run of a session from any process.

use std::sync::Arc;

use agent_core::Cancel;
use rusqlite::Connection;

use crate::{
    Journal, JournalError,
    cancels::Cancels,
    fold::fold,
    leases,
    ledger::Ledger,
    table::{self, SessionNumber},
};

/// Lets others cancel the runs of a host, until it is dropped.
#[derive(Debug)]
pub(crate) struct Cancellable {
    cancels: Arc<Cancels>,
    session: SessionNumber,
}

impl Cancellable {
    pub(crate) fn new(ledger: &Ledger, cancel: Cancel) -> Self {
        let (cancels, session) = (ledger.journal().cancels().clone(), ledger.number);
        cancels.add(session, cancel);
        Self { cancels, session }
    }
}

impl Cancellable {
    /// A run was cancelled. The request does not count for the next run.
    pub(crate) async fn forget_request(&self, journal: &Journal) -> Result<(), JournalError> {
        let (file, session) = (journal.file().clone(), self.session);
        let forget = move |connection: &Connection| {
            table::remove_cancel(connection, session).map_err(|error| file.error(&error))
        };
        journal.write(forget, |_| ()).await
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        self.cancels.remove(self.session);
    }
}

impl Journal {
    /// Cancels the run of a session, in whatever process it is, as [`Cancel::all`] does: running
    /// calls get an error result, and the run ends with
    /// [`RunError::Cancelled`](agent_core::RunError::Cancelled). Its host can then carry out
    /// another run, which is not cancelled. A run in another process notices it within 100 ms.
    /// Fails with [`JournalError::NotRunning`] if no host drives the session, or if it waits for a
    /// person or for the user.
    pub async fn cancel(&self, id: &str) -> Result<(), JournalError> {
        let (file, cancels, id) = (self.file().clone(), self.cancels().clone(), id.to_owned());
        let cancel = move |connection: &Connection| {
            let wrong = |error| file.error(&error);
            let number = table::session_number(connection, &id).map_err(wrong)?;
            let number = number.ok_or_else(|| JournalError::UnknownSession { id: id.clone() })?;
            let driven = leases::driven_by(&file, connection, number).map_err(wrong)?;
            let rows = table::rows(connection, number).map_err(wrong)?;
            if driven.is_none() || fold(&file, &id, &rows)?.conversation.known_end().is_some() {
                return Err(JournalError::NotRunning { id });
            }
            table::add_cancel(connection, number).map_err(wrong)
        };
        self.write(cancel, move |_| cancels.expect()).await
    }
}
