//! The events of a run in this process, kept in memory for its readers.

use std::{
    collections::VecDeque,
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
/// It keeps the newest 10,000 events, or as many as [`keeping`](Self::keeping) says. Each piece of
/// a reply is an event, so that is about as many words. A reader who comes later than that, or
/// reads more slowly, goes on with the oldest event that is kept. The gap in the
/// [offsets](SessionEvent::offset) shows what it has missed. Make one for each conversation.
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
#[derive(Clone)]
pub struct LiveEvents(Arc<Inner>);

struct Inner {
    events: Mutex<VecDeque<SessionEvent>>,
    most: usize,
    /// The offset of the newest event. Readers wait for it to grow.
    last: watch::Sender<u64>,
}

/// How many events are kept.
const MOST: usize = 10_000;

/// How many events are read in one piece.
const PIECE: usize = 256;

impl LiveEvents {
    /// Makes a place for events.
    pub fn new() -> Self {
        Self::keeping(MOST)
    }

    /// Makes a place that keeps the newest `most` events, and at least one.
    pub fn keeping(most: usize) -> Self {
        Self(Arc::new(Inner { events: Mutex::default(), most: most.max(1), last: watch::Sender::new(0) }))
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

    /// The events after the last one that a reader has, and then those that come. The stream goes
    /// on until it is dropped.
    ///
    /// A reader that has more than there is was a reader of another process, for example before this
    /// one was started anew. It gets all events that are kept.
    pub fn after(&self, last: LastEventId) -> SessionEvents {
        let newest = *self.0.last.borrow();
        let reader = (self.0.clone(), self.0.last.subscribe(), last.within(newest));
        let pieces = stream::unfold(reader, |(inner, mut last, after)| async move {
            last.wait_for(|last| *last > after).await.ok()?;
            let piece = inner.after(after);
            let after = piece.last().map_or(after, |event| event.offset);
            Some((stream::iter(piece.into_iter().map(Ok)), (inner, last, after)))
        });
        pieces.flatten().boxed()
    }
}

impl Default for LiveEvents {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn push(&self, event: &Event, run_began: SystemTime) {
        let mut events = self.events();
        let offset = events.back().map_or(0, |last| last.offset) + 1;
        if events.len() == self.most {
            events.pop_front();
        }
        events.push_back(SessionEvent { offset, run_began, event: event.clone() });
        self.last.send_replace(offset);
    }

    /// Some of the events after this offset.
    fn after(&self, after: u64) -> Vec<SessionEvent> {
        let events = self.events();
        let first = events.partition_point(|event| event.offset <= after);
        events.iter().skip(first).take(PIECE).cloned().collect()
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<SessionEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LiveEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveEvents").field("events", &self.0.events().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_core::{End, EventKind};

    use super::*;

    #[tokio::test]
    async fn a_reader_of_a_process_that_is_gone_begins_anew() {
        let (live, check) = (LiveEvents::new(), async |live: &LiveEvents, last, expected: u64| {
            let next = live.after(LastEventId(last)).next().await.unwrap().unwrap();
            assert_eq!(next.offset, expected, "after {last}");
        });
        let listener = live.listener();
        for _ in 0..3 {
            let kind = EventKind::Ended(End::Answered("Hi.".to_owned()));
            listener(&Event::new(Duration::ZERO, "run", 0, "main", kind));
        }
        check(&live, 0, 1).await;
        check(&live, 2, 3).await;
        check(&live, 4, 1).await;
        check(&live, u64::MAX, 1).await;
    }
}
