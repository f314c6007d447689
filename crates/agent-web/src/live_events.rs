//! The events of a run in this process, kept in memory for its readers.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::SystemTime,
};

use agent_core::{
    Event,
    sessions::{SessionEvent, SessionEvents},
};
use futures::{StreamExt, stream};
use tokio::sync::watch;

use crate::LastEventId;

/// Keeps the events of a run in memory and gives them to any number of readers, each from where it
/// stopped. For programs without a journal. The run never waits for a reader.
///
/// It keeps all events until it is dropped, so make one for each conversation.
///
/// ```
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_web::{LastEventId, LiveEvents, sse};
/// use axum::{Router, routing::get};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let agent = Agent::builder("main", Script::new([Reply::text("Hi.")])).build()?;
/// let events = LiveEvents::new();
/// let listener = events.listener();
/// tokio::spawn(async move { agent.run(&mut agent.start("Hello.")).listen(listener).await });
/// let handler = move |last: LastEventId| async move { sse(events.after(last)) };
/// let service: Router = Router::new().route("/events", get(handler));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct LiveEvents(Arc<Inner>);

#[derive(Default)]
struct Inner {
    events: Mutex<Vec<SessionEvent>>,
    /// How many events there are. Readers wait for it to grow.
    count: watch::Sender<usize>,
}

/// How many events are read in one piece.
const PIECE: usize = 256;

impl LiveEvents {
    /// Makes a place for events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a listener for one run; see [`Run::listen`](agent_core::Run::listen). Call it again
    /// for the next run of the conversation: offsets go on.
    pub fn listener(&self) -> impl Fn(&Event) + Send + Sync + use<> {
        let (inner, began) = (self.0.clone(), OnceLock::new());
        move |event: &Event| {
            let began = *began.get_or_init(|| SystemTime::now() - event.at);
            inner.push(event, began);
        }
    }

    /// The events after the last one that a reader has, and then those that come. The stream goes on
    /// until it is dropped.
    pub fn after(&self, last: LastEventId) -> SessionEvents {
        let first = usize::try_from(last.0).unwrap_or(usize::MAX);
        let reader = (self.0.clone(), self.0.count.subscribe(), first);
        let pieces = stream::unfold(reader, |(inner, mut count, first)| async move {
            count.wait_for(|count| *count > first).await.ok()?;
            let piece: Vec<_> = inner.events().iter().skip(first).take(PIECE).cloned().map(Ok).collect();
            let next = first + piece.len();
            Some((stream::iter(piece), (inner, count, next)))
        });
        pieces.flatten().boxed()
    }
}

impl Inner {
    fn push(&self, event: &Event, run_began: SystemTime) {
        let mut events = self.events();
        let offset = events.len() as u64 + 1;
        events.push(SessionEvent { offset, run_began, event: event.clone() });
        self.count.send_replace(events.len());
    }

    fn events(&self) -> MutexGuard<'_, Vec<SessionEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LiveEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveEvents").field("events", &self.0.events().len()).finish()
    }
}
