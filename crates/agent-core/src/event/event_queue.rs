//! A queue of events that are read one by one.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};

use crate::{Event, EventKind, SharedText};

/// A queue that keeps the events of a run until they are read. Use it in a host that offers a
/// `next` like [`Run::next`](crate::Run::next). [`listener`](Self::listener) puts events in, and
/// [`poll_next`](Self::poll_next) takes them out.
///
/// The queue keeps only the newest progress report of a call, whose
/// [`dropped`](EventKind::CallProgress) counts the others. It keeps all other events. If you poll
/// the run only to get its next event, the queue stays short, because between two polls only
/// running calls emit events. If the run goes on by itself, read the queue at the same time: it
/// grows with each piece of each reply.
///
/// ```
/// use agent_core::{Conversation, Team, event::{EventLog, EventQueue}};
///
/// # async fn example(team: Team) {
/// let events = EventQueue::default();
/// let mut conversation = Conversation::start("main", "Hello.");
/// let log = EventLog::new(100);
/// let run = team.run(&mut conversation).listen(events.listener());
/// let read = async {
///     loop {
///         let event = std::future::poll_fn(|context| events.poll_next(context)).await;
///         log.line(&event).into_iter().for_each(|line| println!("{line}"));
///     }
/// };
/// // The reader never ends, so read the last events after the run.
/// futures::future::select(run, std::pin::pin!(read)).await;
/// while let Some(event) = events.try_next() {
///     log.line(&event).into_iter().for_each(|line| println!("{line}"));
/// }
/// # }
/// ```
#[derive(Default)]
pub struct EventQueue(Arc<Mutex<Unread>>);

#[derive(Default)]
struct Unread {
    /// By number, in the order in which they happened.
    events: BTreeMap<u64, Box<Event>>,
    /// The number of the next event.
    next: u64,
    /// The number of the unread progress report of each call, by conversation and call id.
    progress: HashMap<(Arc<str>, SharedText), u64>,
    /// The task that waits for the next event.
    reader: Option<Waker>,
}

impl EventQueue {
    /// Returns a listener that puts each event into the queue. After the queue is dropped, the
    /// listener does nothing.
    pub fn listener(&self) -> impl Fn(&Event) + Send + Sync + use<> {
        let unread = self.unread();
        move |event| {
            if let Some(queue) = unread.queue() {
                queue.push(event.clone());
            }
        }
    }

    /// A handle to put events into the queue while it exists.
    pub(crate) fn unread(&self) -> UnreadEvents {
        UnreadEvents(Arc::downgrade(&self.0))
    }

    pub(crate) fn push(&self, event: Event) {
        let reader = {
            let mut unread = lock(&self.0);
            unread.push(event);
            unread.reader.take()
        };
        // Wake without the lock, because the reader may need it immediately.
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Takes the oldest unread event; `None` if all events have been read.
    pub fn try_next(&self) -> Option<Event> {
        lock(&self.0).pop()
    }

    /// Takes the oldest unread event. If all events have been read, it returns `Pending`, and the
    /// task of `context` is woken when the next event comes. Only the task that polled last is
    /// woken.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Event> {
        let mut unread = lock(&self.0);
        match unread.pop() {
            Some(event) => Poll::Ready(event),
            None => {
                // The lock is still held, so the next event finds the waker.
                unread.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A handle to a queue that may be dropped.
pub(crate) struct UnreadEvents(Weak<Mutex<Unread>>);

impl UnreadEvents {
    pub(crate) fn queue(&self) -> Option<EventQueue> {
        self.0.upgrade().map(EventQueue)
    }
}

impl Unread {
    fn push(&mut self, mut event: Event) {
        let number = self.next;
        self.next += 1;
        if let EventKind::CallProgress { id, dropped, .. } = &mut event.kind {
            let older = self.progress.insert((event.conversation.clone(), id.clone()), number);
            let older = older.and_then(|older| self.events.remove(&older)).map(|older| older.kind);
            if let Some(EventKind::CallProgress { dropped: before, .. }) = older {
                *dropped += before + 1;
            }
        }
        self.events.insert(number, Box::new(event));
    }

    fn pop(&mut self) -> Option<Event> {
        let (_, event) = self.events.pop_first()?;
        if let EventKind::CallProgress { id, .. } = &event.kind {
            self.progress.remove(&(event.conversation.clone(), id.clone()));
        }
        Some(*event)
    }
}

fn lock(unread: &Mutex<Unread>) -> MutexGuard<'_, Unread> {
    unread.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue").field("unread", &lock(&self.0).events.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, thread, time::Duration};

    use super::*;

    fn event(conversation: &str, kind: EventKind) -> Event {
        Event::new(Duration::ZERO, conversation, 0, "main", kind)
    }

    fn turn_started() -> EventKind {
        EventKind::TurnStarted { messages: Vec::new() }
    }

    fn progress(conversation: &str, id: &str, text: &str) -> Event {
        let (id, tool, text) = (id.into(), "look".into(), text.into());
        event(conversation, EventKind::CallProgress { id, tool, text, dropped: 0 })
    }

    /// What is read after these events. For progress it is the text and the number of dropped
    /// reports.
    fn check(told: &[Event], expected: &[&str]) {
        let queue = EventQueue::default();
        told.iter().for_each(queue.listener());
        let read: Vec<String> = std::iter::from_fn(|| queue.try_next())
            .map(|event| match event.kind {
                EventKind::CallProgress { text, dropped, .. } => format!("{text} {dropped}"),
                kind if kind == turn_started() => "turn".to_owned(),
                kind => format!("{kind:?}"),
            })
            .collect();
        assert_eq!(read, expected);
        assert!(lock(&queue.0).progress.is_empty(), "nothing is left of what was read");
    }

    #[test]
    fn of_the_progress_of_a_call_the_newest_is_kept_in_its_place_and_the_rest_counted() {
        let turn = || event("run", turn_started());
        check(&[progress("run", "a", "1"), turn()], &["1 0", "turn"]);
        check(&[progress("run", "a", "1"), turn(), progress("run", "a", "2")], &["turn", "2 1"]);
        let (a, b) = (|text| progress("run", "a", text), |text| progress("run", "b", text));
        check(&[a("1"), b("1"), a("2"), a("3"), turn(), b("2")], &["3 2", "turn", "2 1"]);
        check(&[a("1"), progress("run/a", "a", "1"), a("2")], &["1 0", "2 1"]);
        check(&[turn(), turn(), turn()], &["turn"; 3]);
    }

    #[test]
    fn a_million_that_nobody_reads_are_one_and_what_is_read_is_counted_from_anew() {
        let queue = EventQueue::default();
        let tell = queue.listener();
        for _ in 0..1_000_000 {
            tell(&progress("run", "a", "on my way"));
        }
        let kept = |unread: &Unread| (unread.events.len(), unread.progress.len());
        assert_eq!(kept(&lock(&queue.0)), (1, 1));
        let dropped = |event: Option<Event>| match event.map(|event| event.kind) {
            Some(EventKind::CallProgress { dropped, .. }) => dropped,
            other => panic!("{other:?}"),
        };
        assert_eq!(dropped(queue.try_next()), 999_999);
        tell(&progress("run", "a", "on my way"));
        assert_eq!(dropped(queue.try_next()), 0);
    }

    #[test]
    fn nobody_keeps_the_events_of_a_queue_that_is_dropped() {
        let queue = EventQueue::default();
        let (tell, unread) = (queue.listener(), Arc::downgrade(&queue.0));
        drop(queue);
        tell(&event("run", turn_started()));
        assert!(unread.upgrade().is_none());
    }

    /// Several threads put events in while a task takes them out. The test would hang if one wake
    /// were lost.
    #[tokio::test]
    async fn no_event_and_no_wake_is_lost_while_others_put_in() {
        const THREADS: usize = 4;
        const EACH: usize = 5_000;
        let queue = EventQueue::default();
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let tell = queue.listener();
                thread::spawn(move || (0..EACH).for_each(|_| tell(&event("run", turn_started()))))
            })
            .collect();
        for _ in 0..THREADS * EACH {
            poll_fn(|context| queue.poll_next(context)).await;
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(queue.try_next().is_none());
    }
}
