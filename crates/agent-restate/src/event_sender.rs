//! Sends the events of this process to the engine, which keeps them.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use agent_core::{Event, EventKind};
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, sleep},
};

use crate::{
    Restate,
    clock::now,
    event_store::{Batch, TimedEvent},
    outbox::Outbox,
};

/// How long events wait for others, so that they are sent together.
const SOON: Duration = Duration::from_millis(100);

/// How long a step waits until its events are kept.
const MOST_WAIT: Duration = Duration::from_secs(1);

/// How long to wait before sending again what could not be sent.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends the events of this process. Clones send for the same process.
#[derive(Clone)]
pub(crate) struct EventSender(Arc<Inner>);

struct Inner {
    engine: Restate,
    /// Tells the engine which process this is.
    number: u64,
    state: Mutex<State>,
    /// Something was pushed, and somebody waits until it is sent.
    hurry: Notify,
    /// Something was sent.
    sent: Notify,
    /// Events could not be sent in time, so nobody waits for them.
    is_late: AtomicBool,
}

#[derive(Default)]
struct State {
    /// What is not sent yet, by session.
    outboxes: HashMap<String, Outbox>,
    /// How many events there were, and batches of them.
    pushed: u64,
    batches: u64,
    /// When the runs began that this process drives, by session.
    run_began: HashMap<String, u64>,
    /// The ends of conversations, until it is known what makes each of them unique.
    ends: HashMap<Arc<str>, TimedEvent>,
}

/// The session to which a conversation belongs.
fn session_of(conversation: &str) -> &str {
    conversation.split('/').next().unwrap_or(conversation)
}

impl EventSender {
    pub(crate) fn new(engine: Restate) -> Self {
        Self(Arc::new(Inner {
            engine,
            number: fastrand::u64(..),
            state: Mutex::default(),
            hurry: Notify::new(),
            sent: Notify::new(),
            is_late: AtomicBool::new(false),
        }))
    }

    /// Hears an event of this process.
    pub(crate) fn hear(&self, event: &Event) {
        let heard = TimedEvent { at: now(), once: None, event: event.clone() };
        if let EventKind::Ended(_) = event.kind {
            self.state().ends.insert(event.conversation.clone(), heard);
        } else {
            self.push(heard);
        }
    }

    /// The end of this conversation was heard. Another process may tell the same end, with the same
    /// words in `once`.
    pub(crate) fn keep_end(&self, conversation: &str, once: String) {
        let end = self.state().ends.remove(conversation);
        if let Some(end) = end {
            self.push(TimedEvent { once: Some(once), ..end });
        }
    }

    /// This process drives a session, whose run began at this time, in µs since 1970.
    pub(crate) fn drives(&self, session: &str, run_began: u64) -> Drives {
        self.state().run_began.insert(session.to_owned(), run_began);
        Drives { sender: self.clone(), session: session.to_owned() }
    }

    /// Waits until the events of the session of this conversation are kept, or some time has
    /// passed. So they are kept in the order in which they happened, in whatever process.
    pub(crate) async fn flush(&self, conversation: &str) {
        if self.0.is_late.load(Ordering::Relaxed) {
            return;
        }
        let session = session_of(conversation);
        let Some(last) = self.state().outboxes.get(session).map(|outbox| outbox.pushed) else { return };
        let sent = async {
            loop {
                let mut sent = pin!(self.0.sent.notified());
                sent.as_mut().enable();
                self.start_sending(session);
                match self.state().outboxes.get_mut(session) {
                    Some(outbox) if outbox.sent < last => outbox.wanted = outbox.wanted.max(last),
                    _ => return,
                }
                self.0.hurry.notify_waiters();
                sent.await;
            }
        };
        if tokio::time::timeout(MOST_WAIT, sent).await.is_err() {
            self.0.is_late.store(true, Ordering::Relaxed);
        }
    }

    fn push(&self, heard: TimedEvent) {
        let session = session_of(&heard.event.conversation).to_owned();
        {
            let mut state = self.state();
            state.pushed += 1;
            let number = state.pushed;
            state.outboxes.entry(session.clone()).or_default().push(number, heard);
        }
        self.start_sending(&session);
    }

    /// Starts a task that sends the events of this session, unless one is at it. A listener may be
    /// called where no task can be started. Then the next event, or the end of the step, starts it.
    fn start_sending(&self, session: &str) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut state = self.state();
        let Some(outbox) = state.outboxes.get_mut(session).filter(|outbox| !outbox.is_sending) else {
            return;
        };
        outbox.is_sending = true;
        let (sender, session) = (self.clone(), session.to_owned());
        runtime.spawn(async move { sender.send_all(&session).await });
    }

    /// Sends events until there are no more.
    async fn send_all(&self, session: &str) {
        loop {
            self.wait_a_moment(session).await;
            let Some((last, batch)) = self.next_batch(session) else { break };
            while self.0.engine.append_events(session, &batch).await.is_err() {
                sleep(PAUSE).await;
            }
            self.0.is_late.store(false, Ordering::Relaxed);
            let is_done = self.was_sent(session, last);
            self.0.sent.notify_waiters();
            if is_done {
                break;
            }
        }
    }

    /// Waits for more events, unless somebody wants to know that they are kept.
    async fn wait_a_moment(&self, session: &str) {
        let mut hurry = pin!(self.0.hurry.notified());
        let end = Instant::now() + SOON;
        loop {
            hurry.as_mut().enable();
            if self.state().outboxes.get(session).is_none_or(|outbox| outbox.wanted > outbox.sent) {
                return;
            }
            if tokio::time::timeout_at(end, hurry.as_mut()).await.is_err() {
                return;
            }
            hurry.set(self.0.hurry.notified());
        }
    }

    fn next_batch(&self, session: &str) -> Option<(u64, Batch)> {
        let mut state = self.state();
        state.batches += 1;
        let (number, run_began) = (state.batches, state.run_began.get(session).copied());
        let outbox = state.outboxes.get_mut(session)?;
        let (lost, events) = outbox.take();
        Some((outbox.pushed, Batch { sender: self.0.number, number, run_began, lost, events }))
    }

    /// The events up to this number were sent. Returns whether there are no others.
    fn was_sent(&self, session: &str, last: u64) -> bool {
        let mut state = self.state();
        let Some(outbox) = state.outboxes.get_mut(session) else { return true };
        outbox.sent = last;
        let is_done = outbox.pushed == last;
        is_done.then(|| state.outboxes.remove(session));
        is_done
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This process drives a session, until this is dropped.
pub(crate) struct Drives {
    sender: EventSender,
    session: String,
}

impl Drop for Drives {
    fn drop(&mut self) {
        self.sender.state().run_began.remove(&self.session);
    }
}
