//! A streamed reply: from the bytes of an HTTP answer to deltas.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
    vec,
};

use agent_core::{
    Delta, LlmError,
    model::{LlmErrorKind, Notice, Piece},
};
use futures::{FutureExt, Stream, future::BoxFuture};
use reqwest::Response;
use tokio::task::coop;

use super::{rate_limit::rate_limits, refusal::request_id, stream_parser::StreamParser};
use crate::transport::{causes::causes, limit::Clock, size::Size};

/// How many pieces are read between two looks at the clock. They come without a wait as long as bytes are there.
const PIECES: u32 = 64;

/// The most bytes that are read behind a reply, to have its connection back.
const BEHIND: usize = 64 * 1024;

/// A reply that is being read.
#[derive(Debug)]
pub(crate) struct Reply {
    answer: Response,
    notices: vec::IntoIter<Notice>,
    clock: Clock,
    size: Size,
    /// How many pieces were read since the clock was looked at.
    pieces: u32,
    parser: StreamParser,
}

/// A reply from the moment it is asked for. A stream written by hand, since each piece of each reply comes out of it.
pub(crate) enum Replying<'a> {
    RequestParts(BoxFuture<'a, Result<Reply, LlmError>>),
    Read(Box<Reply>),
    /// It is whole, and its answer not quite at its end.
    Whole(BoxFuture<'a, ()>),
    Over,
}

impl Stream for Replying<'_> {
    type Item = Result<Delta, LlmError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::RequestParts(reply) => match ready!(reply.poll_unpin(context)) {
                    Ok(reply) => *self = Self::Read(reply.into()),
                    Err(error) => return Poll::Ready(Some(self.fail(error))),
                },
                Self::Read(reply) => match ready!(reply.poll_next(context)) {
                    Ok(Some(delta)) => return Poll::Ready(Some(Ok(delta))),
                    Ok(None) => self.give_back(context),
                    Err(error) => return Poll::Ready(Some(self.fail(error))),
                },
                Self::Whole(rest) => {
                    ready!(rest.poll_unpin(context));
                    *self = Self::Over;
                }
                Self::Over => return Poll::Ready(None),
            }
        }
    }
}

impl Replying<'_> {
    fn fail(&mut self, error: LlmError) -> Result<Delta, LlmError> {
        *self = Self::Over;
        Err(error)
    }

    /// Reads the answer to its end, which as a rule is here already: only then is its connection kept
    /// for the next request. A server that holds it open is not waited for.
    fn give_back(&mut self, context: &mut Context<'_>) {
        let Self::Read(mut reply) = mem::replace(self, Self::Over) else { return };
        let mut left = Size::at_most(BEHIND);
        if poll_end(&mut reply.answer, &mut left, context).is_pending() {
            // Shorter than a new connection would take; when it is over, the connection is closed.
            let limit = Duration::from_millis(20);
            let rest = async move {
                let end = poll_fn(|context| poll_end(&mut reply.answer, &mut left, context));
                let _ = tokio::time::timeout(limit, end).await;
            };
            *self = Self::Whole(rest.boxed());
        }
    }
}

impl Reply {
    pub(crate) fn new(answer: Response, clock: Clock, size: Size) -> Self {
        let notices = rate_limits(answer.headers(), SystemTime::now()).into_iter();
        Self { answer, notices, clock, size, pieces: 0, parser: StreamParser::default() }
    }

    /// The next piece; `None` once the reply is whole.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Delta>, LlmError>> {
        if let Some(notice) = self.notices.next() {
            return Poll::Ready(Ok(Some(Delta::Notice(notice))));
        }
        self.poll_delta(context).map_err(|mut error| {
            let known = error.request_id.take();
            error.request_id = known.or_else(|| request_id(self.answer.headers()));
            error
        })
    }

    fn poll_delta(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Delta>, LlmError>> {
        // Who reads what is there already lets others go on now and then.
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
            if self.parser.is_whole() {
                return Poll::Ready(Ok(None));
            }
            match poll_chunk(&mut self.answer, context) {
                Poll::Ready(Ok(Some(bytes))) => {
                    self.clock.heard();
                    self.clock.check()?;
                    self.size.add(bytes.as_ref().len())?;
                    self.parser.push(bytes.as_ref())?;
                }
                Poll::Ready(Ok(None)) => self.parser.finish()?,
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(LlmError::new(LlmErrorKind::Incomplete, causes(error))));
                }
                Poll::Pending => return self.clock.poll_passed(context).map(Err),
            }
        }
    }
}

/// The next bytes of an answer; `None` at its end.
fn poll_chunk(
    answer: &mut Response,
    context: &mut Context<'_>,
) -> Poll<reqwest::Result<Option<impl AsRef<[u8]> + use<>>>> {
    // What is made here keeps nothing of its own between polls.
    pin!(answer.chunk()).poll(context)
}

/// Reads to the end, or until there is too much.
fn poll_end(answer: &mut Response, left: &mut Size, context: &mut Context<'_>) -> Poll<()> {
    while let Ok(Some(bytes)) = ready!(poll_chunk(answer, context)) {
        if left.add(bytes.as_ref().len()).is_err() {
            break;
        }
    }
    Poll::Ready(())
}

/// Whether a delta is more than a sign of life, as some gateways send in the form of no words.
fn says_something(delta: &Delta) -> bool {
    use Piece::{Input, Signature, Text, Thinking};
    match delta {
        Delta::Piece { piece: Text(words) | Thinking(words) | Signature(words) | Input(words), .. } => {
            !words.is_empty()
        }
        _ => true,
    }
}
