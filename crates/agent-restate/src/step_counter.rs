//! Hides the end of a request while a step is in progress.
//!
//! The engine ends its request when it wants to suspend a handler, because nothing came for a long
//! time or because it is short of memory. During a step, that would lose the step, and the handler
//! would wait forever.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use hyper::body::{Body, Frame};

tokio::task_local! {
    /// The steps of the handler that is being polled.
    static STEPS: Steps;
}

/// How many steps of a handler are in progress.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(Arc<AtomicUsize>);

/// A step in progress. It ends when this is dropped.
pub(crate) struct CountedStep(Option<Steps>);

/// Marks the start of a step of this handler.
pub(crate) fn count_step() -> CountedStep {
    let steps = STEPS.try_with(Steps::clone).ok();
    if let Some(steps) = &steps {
        steps.0.fetch_add(1, Ordering::Relaxed);
    }
    CountedStep(steps)
}

impl Drop for CountedStep {
    fn drop(&mut self) {
        if let Some(steps) = &self.0 {
            steps.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The body of a request to a handler. It ends only when no step of the handler is in progress.
pub(crate) struct RequestBody<B> {
    body: Option<B>,
    steps: Steps,
}

impl<B> RequestBody<B> {
    pub(crate) fn new(body: B, steps: Steps) -> Self {
        Self { body: Some(body), steps }
    }
}

impl<B: Body + Unpin> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(body) = &mut self.body {
            if let Some(frame) = ready!(Pin::new(body).poll_frame(context)) {
                return Poll::Ready(Some(frame));
            }
            self.body = None;
        }
        match self.steps.0.load(Ordering::Relaxed) {
            0 => Poll::Ready(None),
            // The step wakes this task when it ends, because it is polled in the same task.
            _ => Poll::Pending,
        }
    }
}

/// The body of the response. The handler is polled inside it, so its steps are counted here.
pub(crate) struct CountingBody<B> {
    body: B,
    steps: Steps,
}

impl<B> CountingBody<B> {
    pub(crate) fn new(body: B, steps: Steps) -> Self {
        Self { body, steps }
    }
}

impl<B: Body + Unpin> Body for CountingBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Self { body, steps } = &mut *self;
        STEPS.sync_scope(steps.clone(), || Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
