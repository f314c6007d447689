//! Follows the events of a session.

use std::time::Duration;

use agent_core::sessions::{SessionEvent, SessionEvents, SessionsError};
use futures::{StreamExt, stream};
use tokio::time::sleep;

use crate::{Restate, RestateError, kept_events::Page};

/// How often the engine is asked for events while there are none.
const INTERVAL: Duration = Duration::from_millis(200);

impl Restate {
    /// The events of a session after this offset, and then those that come.
    pub(crate) fn follow(&self, id: &str, after: u64) -> SessionEvents {
        let start = Some((self.clone(), id.to_owned(), after));
        let pieces = stream::unfold(start, |place| async move {
            let (engine, id, after) = place?;
            match engine.next_events(&id, after).await {
                Ok(events) => {
                    let last = events.last().map_or(after, |event| event.offset);
                    Some((events.into_iter().map(Ok).collect::<Vec<_>>(), Some((engine, id, last))))
                }
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        pieces.flat_map(stream::iter).boxed()
    }

    /// Some of the events after this offset. Waits until there are any.
    async fn next_events(&self, id: &str, after: u64) -> Result<Vec<SessionEvent>, SessionsError> {
        loop {
            let Page { events, last } = self.events_after(id, after).await?;
            if !events.is_empty() {
                let unreadable = |error: serde_json::Error| {
                    RestateError::Unreadable(format!("an event of session {id:?} can't be read: {error}"))
                        .into()
                };
                return events.iter().map(|event| event.read().map_err(unreadable)).collect();
            }
            if last <= after && last == 0 && !self.exists(id).await? {
                return Err(SessionsError::Unknown { id: id.to_owned() });
            }
            sleep(INTERVAL).await;
        }
    }
}
