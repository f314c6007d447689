//! Asking a backend, again if need be: what all wrappers that do so have in common.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use agent_core::{BoxStream, Delta, LlmError, model::Notice};
use futures::{Stream, StreamExt};
use tokio::time::{Sleep, sleep};

/// What a wrapper does about a request that it may make again.
pub(crate) trait Asking<'a>: Send + Unpin + Sized + 'a {
    /// Makes the request, for the first time or again.
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>>;

    /// Sees a piece before it is handed on. What this gives goes before it; with an error, the
    /// reply has failed.
    fn see(&mut self, delta: &Delta) -> Result<Option<Delta>, LlmError>;

    /// Sees that a reply has come to its end.
    fn end(&mut self) -> Result<(), LlmError>;

    /// A reply has failed: how it goes on, or the error if it does not.
    fn again(&mut self, error: LlmError) -> Result<Again, LlmError>;

    /// The replies as one.
    fn stream(self) -> BoxStream<'a, Result<Delta, LlmError>> {
        Replies { asking: self, stage: Stage::Ask, next: None }.boxed()
    }
}

/// The request shall be made again.
pub(crate) struct Again {
    /// The attempt that failed, from 1.
    pub(crate) attempt: u32,
    /// How long until the next.
    pub(crate) wait: Duration,
    /// Why it failed.
    pub(crate) reason: String,
}

/// A stream written by hand, since all pieces of all replies go through several of them.
struct Replies<'a, A> {
    asking: A,
    stage: Stage<'a>,
    /// What another piece was put before.
    next: Option<Delta>,
}

enum Stage<'a> {
    Ask,
    Reply(BoxStream<'a, Result<Delta, LlmError>>),
    Wait(Pin<Box<Sleep>>),
    Over,
}

impl<'a, A: Asking<'a>> Stream for Replies<'a, A> {
    type Item = Result<Delta, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(delta) = self.next.take() {
            return Poll::Ready(Some(Ok(delta)));
        }
        loop {
            match &mut self.stage {
                Stage::Ask => self.stage = Stage::Reply(self.asking.ask()),
                Stage::Reply(reply) => {
                    let piece = ready!(reply.poll_next_unpin(context));
                    return Poll::Ready(self.take_in(piece));
                }
                Stage::Wait(sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    self.stage = Stage::Ask;
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }
}

impl<'a, A: Asking<'a>> Replies<'a, A> {
    /// What to hand on for what the backend has yielded.
    fn take_in(&mut self, piece: Option<Result<Delta, LlmError>>) -> Option<Result<Delta, LlmError>> {
        let seen = match piece {
            Some(Ok(delta)) => self.asking.see(&delta).map(|before| Some((before, delta))),
            Some(Err(error)) => Err(error),
            None => self.asking.end().map(|()| None),
        };
        match seen {
            Ok(Some((None, delta))) => Some(Ok(delta)),
            Ok(Some((Some(before), delta))) => {
                self.next = Some(delta);
                Some(Ok(before))
            }
            Ok(None) => {
                self.stage = Stage::Over;
                None
            }
            Err(error) => Some(self.fail(error)),
        }
    }

    fn fail(&mut self, error: LlmError) -> Result<Delta, LlmError> {
        // What failed is given up before anything else is asked.
        drop(mem::replace(&mut self.stage, Stage::Over));
        let Again { attempt, wait, reason } = self.asking.again(error)?;
        self.stage = if wait.is_zero() { Stage::Ask } else { Stage::Wait(Box::pin(sleep(wait))) };
        Ok(Delta::Notice(Notice::Retry { attempt, wait, reason }))
    }
}
