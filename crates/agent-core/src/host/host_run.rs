//! A run on any host. It can be awaited, or read event by event.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::future::BoxFuture;

use crate::{End, Event, EventQueue};

/// A run on any host. `.await` it for its [`End`], or first read its events with
/// [`next`](Self::next) and then `.await` it. Return it from your own host, so that the host has
/// the same interface as [`Run`](crate::Run).
///
/// Nothing happens until it is polled.
#[must_use = "a run does nothing until it is awaited"]
pub struct HostRun<'a, E> {
    stage: Stage<'a, E>,
    events: Events<'a>,
}

enum Stage<'a, E> {
    Going(BoxFuture<'a, Result<End, E>>),
    Over(Option<Result<End, E>>),
}

/// Who reads the events.
enum Events<'a> {
    /// Nobody has read events yet. The function starts to collect them.
    Unheard(Box<dyn FnOnce() -> EventQueue + Send + 'a>),
    Kept(EventQueue),
    /// Nobody reads events.
    Unread,
}

impl<'a, E> HostRun<'a, E> {
    /// Makes a run from a future that carries it out. If the caller reads events, `listen` is
    /// called before the future is first polled, and returns a queue. That queue must get all
    /// events of the run.
    pub fn new(
        run: impl Future<Output = Result<End, E>> + Send + 'a,
        listen: impl FnOnce() -> EventQueue + Send + 'a,
    ) -> Self {
        Self { stage: Stage::Going(Box::pin(run)), events: Events::Unheard(Box::new(listen)) }
    }

    /// Returns the next event; `None` when the run is over.
    ///
    /// The run makes progress only while `next` or the run itself is awaited, but calls that are
    /// running go on by themselves. If a call reports [progress](crate::Context::progress) faster
    /// than you read it, only its newest report is kept, with the number of dropped ones. No other
    /// event is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            let Some(events) = self.events.read() else { return Poll::Ready(None) };
            if let Some(event) = events.try_next() {
                return Poll::Ready(Some(event));
            }
            if matches!(self.stage, Stage::Over(_)) {
                return Poll::Ready(None);
            }
            if self.poll_run(context).is_pending() {
                // The run may have emitted an event before it became pending. Calls emit theirs at
                // any time.
                let Some(events) = self.events.read() else { return Poll::Pending };
                return events.poll_next(context).map(Some);
            }
        }
    }

    fn poll_run(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Stage::Going(run) = &mut self.stage {
            let end = ready!(run.as_mut().poll(context));
            self.stage = Stage::Over(Some(end));
        }
        Poll::Ready(())
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }
}

impl Events<'_> {
    fn read(&mut self) -> Option<&EventQueue> {
        if let Self::Unheard(_) = self {
            if let Self::Unheard(listen) = std::mem::replace(self, Self::Unread) {
                *self = Self::Kept(listen());
            }
        }
        match self {
            Self::Kept(events) => Some(events),
            Self::Unheard(_) | Self::Unread => None,
        }
    }
}

impl<E> Future for HostRun<'_, E> {
    type Output = Result<End, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let run = self.get_mut();
        run.events = Events::Unread;
        ready!(run.poll_run(context));
        match &mut run.stage {
            Stage::Over(end) => Poll::Ready(end.take().expect("a run is not polled after its end")),
            Stage::Going(_) => unreachable!("poll_run is ready only when the run is over"),
        }
    }
}

// The future is boxed, so nothing in it is pinned in place.
impl<E> Unpin for HostRun<'_, E> {}

impl<E> fmt::Debug for HostRun<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = if self.is_over() { "over" } else { "going" };
        f.debug_struct("HostRun").field("stage", &stage).finish_non_exhaustive()
    }
}
