//! Follows the events of a session.

use agent_core::sessions::SessionEvent;
use futures::{Stream, StreamExt, stream};

use crate::{Journal, JournalError, event_table, table};

/// How many events are read in one piece.
const PIECE: u32 = 256;

impl Journal {
    /// Lists the events of a session that were [kept](crate::JournalHost::keep_events), in the order
    /// in which they happened, from the first one whose
    /// [offset](agent_core::sessions::SessionEvent::offset) is greater than `after`. Pass 0 for all.
    /// Fails if there is no such session. To follow a session while it runs, use
    /// [`Sessions::events`](agent_core::sessions::Sessions::events).
    pub fn kept_events(&self, id: &str, after: u64) -> Result<Vec<SessionEvent>, JournalError> {
        self.read_events(id, after, u32::MAX)
    }

    /// The events of a session after this offset, and then those that come.
    pub(crate) fn follow(
        &self,
        id: &str,
        after: u64,
    ) -> impl Stream<Item = Result<SessionEvent, JournalError>> + Send + use<> {
        let start = Some((self.clone(), id.to_owned(), after));
        let pieces = stream::unfold(start, |place| async move {
            let (journal, id, after) = place?;
            match journal.next_events(&id, after).await {
                Ok(events) => {
                    let last = events.last().map_or(after, |event| event.offset);
                    let events = events.into_iter().map(Ok).collect::<Vec<_>>();
                    Some((events, Some((journal, id, last))))
                }
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        pieces.flat_map(stream::iter)
    }

    /// Some of the events after this offset. Waits until there are any.
    async fn next_events(&self, id: &str, after: u64) -> Result<Vec<SessionEvent>, JournalError> {
        loop {
            // Start to watch before reading, so that no write is missed.
            let next_write = self.next_write()?;
            let events = self.read_events(id, after, PIECE)?;
            if !events.is_empty() {
                return Ok(events);
            }
            // An error means that the journal is closed. The next read then says so.
            let _ = next_write.await;
        }
    }

    fn read_events(&self, id: &str, after: u64, limit: u32) -> Result<Vec<SessionEvent>, JournalError> {
        let rows = self.with_reader(|connection| {
            let Some(number) = table::session_number(connection, id)? else { return Ok(None) };
            event_table::after(connection, number, after, limit).map(Some)
        })?;
        let rows = rows.ok_or_else(|| JournalError::UnknownSession { id: id.to_owned() })?;
        rows.iter().map(|row| row.read(self.file())).collect()
    }
}
