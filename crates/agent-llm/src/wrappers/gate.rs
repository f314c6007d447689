//! Requests that the server would refuse now wait until it takes them.

mod bucket;
mod flow;
mod hold;
mod passing;
mod place;
mod waiting;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use agent_core::{BoxStream, Delta, Llm, LlmError, Request};
use futures::StreamExt;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};

use flow::{Flow, Wait};
use passing::passing;
use place::Place;
use waiting::Waiting;

/// Holds requests back while the server says that it has no room, and lets them out at a pace it takes.
///
/// One gate is for all that use one account and model; clones are the same gate. It learns from
/// `retry-after`, from refusals (429, 529) and from what replies' heads say, and lets requests go first
/// come, first served. While one waits, its stream says so with a [`Notice::Wait`](agent_core::model::Notice), and
/// says it again if the server asks for at least a second more. It holds requests, never agents: one that has
/// its reply is out of the gate, so what waits for it in turn can go.
///
/// Put it directly around what sends: inside of [`Retry`](crate::Retry), so that a request that is made
/// again queues again, and never around a wrapper that asks through the same gate.
/// [`ClaudeBuilder::gate`](crate::ClaudeBuilder::gate) does that for [`Claude`](crate::Claude).
///
/// # How many, how fast
///
/// A gate that is only a bound is [`Gate::at_most`]. What follows is about all others.
///
/// 4 requests may be open at first. Each that the server takes while others wait adds half a place,
/// until one is refused; from then on it adds a place a round. A refusal for load (529) halves them.
/// After one for too many requests (429), requests go at a pace: nine tenths of the rate at which the
/// server took them, measured from the end of one hold to the end of the next, and each that is taken
/// quickens it by 0.02 requests a second. Where the headers tell what remains, no more than that goes.
///
/// A `retry-after` holds back all, for [10 minutes](Self::longest_hold) at most. If the server asked for
/// longer, one request goes then, and how many may be open begins at one again.
///
/// # What it does
///
/// 64 agents, each of 4 turns, at a server that takes 8 requests a second and 8 at once, which makes it at
/// least 31 s for all of them; with 10 retries, after which an agent gives up (`cargo xtask gate`):
///
/// | headers | gate | total | requests | refused | finished |
/// |--|--|--|--|--|--|
/// | no | no | 21.0 s | 984 | 82.9 % | 38 of 64 |
/// | no | yes | 32.6 s | 259 | 1.2 % | 64 of 64 |
/// | yes | no | 21.0 s | 992 | 82.6 % | 40 of 64 |
/// | yes | yes | 31.6 s | 257 | 0.4 % | 64 of 64 |
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    made: Instant,
    state: Mutex<State>,
    /// The flow may let more out, or has to wait longer.
    changed: Notify,
    /// Until when all are held, for those who wait to know.
    held: watch::Sender<Duration>,
}

struct State {
    flow: Flow,
    queue: VecDeque<oneshot::Sender<Place>>,
    /// Whether a task lets out those who wait.
    attended: bool,
}

impl Gate {
    /// A gate for one account, with at most 256 requests open at once.
    pub fn new() -> Self {
        Self::of(Flow::new())
    }

    /// A plain bound: so many requests may be open at once, from the first on, and at least 1; the others wait, first
    /// come, first served. It learns nothing from the server: refusals and `retry-after` are left to
    /// [`Retry`](crate::Retry). For a server of one's own that is known to do so many; a gate that learns may have
    /// such a bound, too: [`Gate::max_open`].
    pub fn at_most(requests: usize) -> Self {
        Self::of(Flow::at_most(requests))
    }

    fn of(flow: Flow) -> Self {
        let state = State { flow, queue: VecDeque::new(), attended: false };
        Self(Arc::new(Shared {
            made: Instant::now(),
            state: Mutex::new(state),
            changed: Notify::new(),
            held: watch::Sender::default(),
        }))
    }

    /// How many requests may be open at once, at most and for all clones; at least 1.
    pub fn max_open(self, requests: usize) -> Self {
        self.0.state().flow.bound(requests);
        self.0.changed.notify_one();
        self
    }

    /// The longest the server is believed that it takes nothing; by default 10 minutes, as
    /// [`RetryPolicy::longest_retry_after`](crate::RetryPolicy::longest_retry_after). If it asks for longer,
    /// a single request is let out after this time, to see. Nor is any pace slower than one request in it.
    pub fn longest_hold(self, time: Duration) -> Self {
        self.0.state().flow.hold_at_most(time);
        self
    }

    /// The backend behind this gate.
    pub fn around<L: Llm>(&self, llm: L) -> Gated<L> {
        Gated { llm, gate: self.clone() }
    }

    /// How many requests are open.
    pub fn open(&self) -> usize {
        self.0.state().flow.open()
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.0.state().queue.iter().filter(|waiting| !waiting.is_closed()).count()
    }

    /// Asks the backend once the request may go.
    pub(crate) fn pass<'a>(
        &'a self,
        llm: &'a dyn Llm,
        request: Request,
    ) -> BoxStream<'a, Result<Delta, LlmError>> {
        passing(self, llm, request).boxed()
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("open", &self.open()).field("waiting", &self.waiting()).finish()
    }
}

/// An [`Llm`] behind a [`Gate`].
#[derive(Clone, Debug)]
pub struct Gated<L> {
    llm: L,
    gate: Gate,
}

impl<L: Llm> Llm for Gated<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.gate.pass(&self.llm, request)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing that holds this lock can panic")
    }

    fn now(&self) -> Duration {
        self.made.elapsed()
    }

    /// Joins the queue.
    fn queue(self: &Arc<Self>) -> Waiting {
        let (sender, turn) = oneshot::channel();
        let (gate, held, told) = (self.clone(), self.held.subscribe(), self.now());
        self.state().queue.push_back(sender);
        let outlook = self.let_out().map(|wait| self.outlook(&wait));
        Waiting { gate, turn, held, outlook, told }
    }

    /// How long the last in the queue waits, and why; sees to it that somebody lets them out.
    fn outlook(self: &Arc<Self>, wait: &Wait) -> (Duration, String) {
        self.attend();
        let mut state = self.state();
        let ahead = state.queue.len().saturating_sub(1);
        state.flow.outlook(wait, ahead)
    }

    /// Lets out those who may go, in order; says what the first of the others waits for.
    fn let_out(self: &Arc<Self>) -> Option<Wait> {
        let now = self.now();
        let (mut out, mut wait) = (Vec::new(), None);
        let mut state = self.state();
        let State { flow, queue, .. } = &mut *state;
        while wait.is_none() {
            // Who was dropped while waiting takes no place.
            match queue.pop_front() {
                None => break,
                Some(next) if next.is_closed() => {}
                Some(next) => match flow.send(now) {
                    Ok(()) => out.push(next),
                    Err(why) => {
                        queue.push_front(next);
                        wait = Some(why);
                    }
                },
            }
        }
        flow.pressed(wait.is_some(), now);
        drop(state);
        for next in out {
            // If it has been dropped by now, so is its place, which makes room for another.
            let _ = next.send(Place::new(self.clone(), now));
        }
        wait
    }

    /// Sees to it that there is somebody who lets out those who wait. It is a task of its own: one that waits need
    /// not be polled for others to be let out.
    fn attend(self: &Arc<Self>) {
        let attended = std::mem::replace(&mut self.state().attended, true);
        if !attended {
            tokio::spawn(Attendant { gate: self.clone(), done: false }.attend());
        }
    }
}

/// The task that lets out those who wait.
struct Attendant {
    gate: Arc<Shared>,
    done: bool,
}

impl Attendant {
    /// Lets out those who wait until none is left.
    async fn attend(mut self) {
        while !self.done {
            let gate = &self.gate;
            match gate.let_out() {
                Some(Wait::Open) => gate.changed.notified().await,
                Some(Wait::Held(wait) | Wait::Pace(wait)) => {
                    // Either way the flow is asked again.
                    let _ = tokio::time::timeout(wait, gate.changed.notified()).await;
                }
                None => {
                    let mut state = gate.state();
                    let done = state.queue.is_empty();
                    state.attended = !done;
                    drop(state);
                    self.done = done;
                }
            }
        }
    }
}

impl Drop for Attendant {
    /// If its runtime ends before it is done, one of those who wait in another starts the next.
    fn drop(&mut self) {
        if !self.done {
            self.gate.state().attended = false;
            self.gate.held.send_modify(|_| {});
        }
    }
}
