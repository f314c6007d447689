//! A request whose end is not read while a step is under way.
//!
//! The engine ends it to have the handler suspended, when nothing came for long or its memory is short. In the middle of a
//! step, that would lose the step, and leave the handler waiting for what never comes.

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
    /// The steps of the handler that is polled.
    static STEPS: Steps;
}

/// How many steps of a handler are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(Arc<AtomicUsize>);

/// A step that is under way until this is dropped.
pub(crate) struct UnderWay(Option<Steps>);

/// A step of this handler begins.
pub(crate) fn under_way() -> UnderWay {
    let steps = STEPS.try_with(Steps::clone).ok();
    if let Some(steps) = &steps {
        steps.0.fetch_add(1, Ordering::Relaxed);
    }
    UnderWay(steps)
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(steps) = &self.0 {
            steps.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The body of a request to a handler with these steps.
pub(crate) struct Held<B> {
    body: Option<B>,
    steps: Steps,
}

impl<B> Held<B> {
    pub(crate) fn new(body: B, steps: Steps) -> Self {
        Self { body: Some(body), steps }
    }
}

impl<B: Body + Unpin> Body for Held<B> {
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
            // The step wakes this task when it ends: it is polled in it.
            _ => Poll::Pending,
        }
    }
}

/// The body of the response, in which the handler with these steps is polled.
pub(crate) struct Polled<B> {
    body: B,
    steps: Steps,
}

impl<B> Polled<B> {
    pub(crate) fn new(body: B, steps: Steps) -> Self {
        Self { body, steps }
    }
}

impl<B: Body + Unpin> Body for Polled<B> {
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
