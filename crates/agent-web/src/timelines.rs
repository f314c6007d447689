//! The timelines of sessions, made from their events.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use agent_core::sessions::{Sessions, SessionsError};
use agent_timeline::TimelineBuilder;
use futures::TryStreamExt;
use tokio::time::timeout;

/// Timelines of the sessions that pages show, so that each event is read only once.
#[derive(Clone, Default)]
pub(crate) struct Timelines(Arc<Mutex<Vec<Kept>>>);

/// A timeline up to an event.
#[derive(Default)]
struct Kept {
    /// The id of the session and when it began: another one may have got the same id.
    of: Option<(String, SystemTime)>,
    last: u64,
    builder: TimelineBuilder,
}

/// How long to wait for an event that should be there. The timeline is then drawn without it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most timelines that are kept.
const MOST: usize = 16;

impl Timelines {
    /// The model of a session's timeline as JSON, which the page draws.
    pub(crate) async fn model(&self, sessions: &dyn Sessions, id: &str) -> Result<String, SessionsError> {
        let session = sessions.session(id).await?;
        let mut kept = self.take(&(id.to_owned(), session.began));
        if kept.last < session.last_event {
            let mut events = sessions.events(id, kept.last).await?;
            while kept.last < session.last_event {
                // It may have been deleted since, and another one may have begun with its id.
                let Ok(event) = timeout(PATIENCE, events.try_next()).await else { break };
                let Some(event) = event? else { break };
                kept.builder.push_session_event(&event);
                kept.last = event.offset;
            }
        }
        let json = kept.builder.build().to_json();
        self.put(kept);
        Ok(json)
    }

    /// Takes the timeline of this session, or a new one if there is none.
    fn take(&self, of: &(String, SystemTime)) -> Kept {
        let mut all = self.all();
        let place = all.iter().position(|kept| kept.of.as_ref() == Some(of));
        place
            .map(|place| all.remove(place))
            .unwrap_or_else(|| Kept { of: Some(of.clone()), ..Kept::default() })
    }

    fn put(&self, kept: Kept) {
        let mut all = self.all();
        // Another request may have made it in the meantime.
        all.retain(|other| other.of != kept.of);
        all.push(kept);
        if all.len() > MOST {
            all.remove(0);
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
