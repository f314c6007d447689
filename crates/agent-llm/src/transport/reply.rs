//! A streamed reply: from the bytes of an HTTP answer to deltas, within the time limits.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
    vec,
};

use agent_core::{
    Delta, LlmError,
    model::{LlmErrorKind, Notice, Piece},
};
use futures::{FutureExt, Stream, future::BoxFuture};
use reqwest::Response;
use tokio::task::coop;

use super::{
    arrivals::{Arrivals, Arrived},
    causes::causes,
    headers::text,
    limit::Clock,
    parser::ReplyParser,
    size::Size,
};

/// How many pieces are read between two looks at the clock. Pieces that are here already come
/// without a wait, so no timer would ring meanwhile.
const PIECES: u32 = 64;

/// The most bytes that are read behind a reply, so that its connection can be used again.
const BEHIND: usize = 64 * 1024;

/// A reply that is being read.
#[derive(Debug)]
pub(crate) struct Reply<P> {
    answer: Response,
    arrivals: Arrivals,
    /// The header with the API's id of the request.
    request_id: &'static str,
    notices: vec::IntoIter<Notice>,
    clock: Clock,
    size: Size,
    /// How many pieces were read since the clock was looked at.
    pieces: u32,
    parser: P,
}

/// A reply from the moment it is asked for. It is a stream written by hand for speed, since each
/// piece of each reply comes out of it.
pub(crate) enum Replying<'a, P> {
    Asked(BoxFuture<'a, Result<Reply<P>, LlmError>>),
    Read(Box<Reply<P>>),
    /// The reply is complete, and its answer is not yet at its end.
    Complete(BoxFuture<'a, ()>),
    Over,
}

impl<'a, P: ReplyParser + 'a> Stream for Replying<'a, P> {
    type Item = Result<Delta, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::Asked(reply) => match ready!(reply.poll_unpin(context)) {
                    Ok(reply) => *self = Self::Read(reply.into()),
                    Err(error) => return Poll::Ready(Some(self.fail(error))),
                },
                Self::Read(reply) => match ready!(reply.poll_next(context)) {
                    Ok(Some(delta)) => return Poll::Ready(Some(Ok(delta))),
                    Ok(None) => self.give_back(context),
                    Err(error) => return Poll::Ready(Some(self.fail(error))),
                },
                Self::Complete(rest) => {
                    ready!(rest.poll_unpin(context));
                    *self = Self::Over;
                }
                Self::Over => return Poll::Ready(None),
            }
        }
    }
}

impl<'a, P: ReplyParser + 'a> Replying<'a, P> {
    fn fail(&mut self, error: LlmError) -> Result<Delta, LlmError> {
        *self = Self::Over;
        Err(error)
    }

    /// Reads the answer to its end, because only then is its connection used again. The end has
    /// mostly come already. If the server holds the answer open, we do not wait for it.
    fn give_back(&mut self, context: &mut Context<'_>) {
        let Self::Read(mut reply) = mem::replace(self, Self::Over) else { return };
        let mut left = Size::at_most(BEHIND);
        if poll_end(&mut reply.answer, &mut left, context).is_pending() {
            // Less than a new connection would take. After that the connection is closed.
            let limit = Duration::from_millis(20);
            let rest = async move {
                let end = poll_fn(|context| poll_end(&mut reply.answer, &mut left, context));
                let _ = tokio::time::timeout(limit, end).await;
            };
            *self = Self::Complete(rest.boxed());
        }
    }
}

impl<P> Reply<P> {
    pub(crate) fn new(
        answer: Response,
        request_id: &'static str,
        notices: Vec<Notice>,
        clock: Clock,
        size: Size,
        parser: P,
    ) -> Self {
        let (arrivals, notices) = (Arrivals::default(), notices.into_iter());
        Self { answer, arrivals, request_id, notices, clock, size, pieces: 0, parser }
    }
}

impl<P: ReplyParser> Reply<P> {
    /// The next piece. `None` once the reply is complete.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Delta>, LlmError>> {
        if let Some(notice) = self.notices.next() {
            return Poll::Ready(Ok(Some(Delta::Notice(notice))));
        }
        self.poll_delta(context).map_err(|mut error| {
            let known = error.request_id.take();
            error.request_id =
                known.or_else(|| text(self.answer.headers(), self.request_id).map(str::to_owned));
            error
        })
    }

    fn poll_delta(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Delta>, LlmError>> {
        // A reader of pieces that are here already must let other tasks run now and then.
        let turn = ready!(coop::poll_proceed(context));
        loop {
            if let Some(delta) = self.parser.pull()? {
                turn.made_progress();
                if says_something(&delta) {
                    self.clock.told();
                }
                self.pieces += 1;
                if self.pieces % PIECES == 0 {
                    self.clock.check()?;
                }
                return Poll::Ready(Ok(Some(delta)));
            }
            if self.parser.is_complete() {
                return Poll::Ready(Ok(None));
            }
            match self.poll_step(context) {
                Poll::Ready(arrived) => match arrived? {
                    Arrived::Bytes => self.clock.check()?,
                    Arrived::End => self.parser.finish()?,
                },
                // The clock need not be read for each chunk.
                Poll::Pending if self.arrivals.is_looking() => return Poll::Pending,
                Poll::Pending => return self.clock.poll_passed(context).map(Err),
            }
        }
    }

    /// Gives the parser what is here of the answer.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Result<Arrived, LlmError>> {
        let Self { answer, arrivals, clock, size, parser, .. } = self;
        let broken = |error| LlmError::new(LlmErrorKind::Incomplete, causes(error));
        let next = |context: &mut Context<'_>| poll_chunk(answer, context).map_err(broken);
        let take = |bytes: &[u8]| {
            clock.heard();
            size.add(bytes.len())?;
            parser.push(bytes)
        };
        arrivals.poll_step(context, next, take)
    }
}

/// The next bytes of an answer. `None` at its end.
fn poll_chunk(
    answer: &mut Response,
    context: &mut Context<'_>,
) -> Poll<reqwest::Result<Option<impl AsRef<[u8]> + use<>>>> {
    // The future is made anew for each poll, which it may be: it keeps nothing between polls.
    pin!(answer.chunk()).poll(context)
}

/// Reads to the end of an answer, or until there is too much.
fn poll_end(answer: &mut Response, left: &mut Size, context: &mut Context<'_>) -> Poll<()> {
    while let Ok(Some(bytes)) = ready!(poll_chunk(answer, context)) {
        if left.add(bytes.as_ref().len()).is_err() {
            break;
        }
    }
    Poll::Ready(())
}

/// Whether a delta is content. Some gateways send empty pieces as signs of life.
fn says_something(delta: &Delta) -> bool {
    use Piece::{Input, Signature, Text, Thinking};
    match delta {
        Delta::Piece { piece: Text(words) | Thinking(words) | Signature(words) | Input(words), .. } => {
            !words.is_empty()
        }
        _ => true,
    }
}
