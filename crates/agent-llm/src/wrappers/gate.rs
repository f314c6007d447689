//! A queue for requests that the server would refuse now.

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

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Usage, budget::Usd};
use futures::StreamExt;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};

use flow::{Flow, Wait};
use passing::passing;
use place::Place;
use waiting::Waiting;

/// A rate limiter that learns from the server. It holds requests back while the server would refuse
/// them, and then sends them at a rate that the server accepts.
///
/// Use one gate for all requests that share an account and a model. Clones are the same gate. The
/// gate learns from refusals (429, 529), from `retry-after`, and from rate limits in the headers of
/// replies. Requests are sent in the order in which they came.
///
/// While a request waits, its stream yields a [`Notice::Wait`](agent_core::model::Notice), and
/// another one if the wait grows by at least a second. A gate holds only requests, never agents: a
/// request leaves the gate when its reply is complete. So agents that wait for other agents can't
/// block each other.
///
/// Put the gate directly around the backend that sends, inside of [`Retry`](crate::Retry). Then a
/// retried request queues again. Never put a gate around a wrapper that already uses the same gate.
/// [`ClaudeBuilder::gate`](crate::ClaudeBuilder::gate) does this for [`Claude`](crate::Claude).
///
/// # How many requests, and how fast
///
/// [`Gate::at_most`] makes a gate with a fixed number of open requests, which learns nothing. All
/// other gates learn:
///
/// - **How many may be open.** At first 4. Each request that the server accepts while others wait
///   adds half a request to this number. After the first refusal, each round of requests adds one.
///   A refusal for load (529) halves the number.
/// - **How fast they are sent.** After a refusal for too many requests (429), requests are sent at
///   nine tenths of the rate at which the server accepted them, measured from the end of one hold
///   to the end of the next. Each accepted request adds 0.02 requests per second. If headers say
///   how much the account has left, no more than that is sent.
/// - **Holds.** A `retry-after` holds back all requests, for at most [10
///   minutes](Self::longest_hold). If the server asked for longer, one request is sent after that
///   time as a test, and the number that may be open starts at one again.
///
/// # What it brings
///
/// The table shows 64 agents with 4 requests each, at a server that accepts 8 requests per second
/// and 8 in parallel. So all of them take at least 31 s. An agent gives up after 10 retries. To
/// measure it, run `cargo xtask gate`.
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
    /// Makes a gate that learns, with at most 256 open requests.
    pub fn new() -> Self {
        Self::of(Flow::new())
    }

    /// Makes a gate with a fixed number of open requests. 0 counts as 1. Further requests wait, in
    /// the order in which they came. Such a gate learns nothing from the server:
    /// [`Retry`](crate::Retry) handles refusals and `retry-after`. Use it for your own server,
    /// whose limit you know. For a gate that learns, use [`Gate::max_open`].
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

    /// Sets how many requests may be open at most, for all clones together. By default 256. 0
    /// counts as 1.
    pub fn max_open(self, requests: usize) -> Self {
        self.0.state().flow.bound(requests);
        self.0.changed.notify_one();
        self
    }

    /// Sets how long the gate holds back all requests at most, whatever the server asks for. By
    /// default 10 minutes, like
    /// [`RetryPolicy::longest_retry_after`](crate::RetryPolicy::longest_retry_after). If the server
    /// asks for longer, one request is sent after this time, as a test. The gate is also never
    /// slower than one request in this time.
    pub fn longest_hold(self, time: Duration) -> Self {
        self.0.state().flow.hold_at_most(time);
        self
    }

    /// Wraps a backend, so that its requests pass this gate.
    pub fn around<L: Llm>(&self, llm: L) -> Gated<L> {
        Gated { llm, gate: self.clone() }
    }

    /// How many requests are open now: sent, with a reply that is not complete.
    pub fn open(&self) -> usize {
        self.0.state().flow.open()
    }

    /// How many requests wait in the gate now.
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

/// A backend whose requests pass a [`Gate`]. [`Gate::around`] returns it.
#[derive(Clone, Debug)]
pub struct Gated<L> {
    llm: L,
    gate: Gate,
}

impl<L: Llm> Llm for Gated<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.gate.pass(&self.llm, request)
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
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

    /// Sees to it that there is somebody who lets out those who wait. It is a task of its own: one
    /// that waits need not be polled for others to be let out.
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
