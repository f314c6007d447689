//! A request on its way through the gate.

use agent_core::{BoxStream, Delta, Llm, LlmError, Request};
use futures::{Stream, StreamExt, stream};

use super::{Gate, place::Place, waiting::Waiting};

/// Where it is.
enum Passing<'a> {
    Comes(Request),
    Waits(Waiting, Request),
    IsAnswered(Answer<'a>),
}

/// The reply goes before the place, which then is free.
struct Answer<'a> {
    reply: BoxStream<'a, Result<Delta, LlmError>>,
    place: Place,
}

/// Asks the backend once the request may go. It queues when the stream is polled first.
pub(super) fn passing<'a>(
    gate: &'a Gate,
    llm: &'a dyn Llm,
    request: Request,
) -> impl Stream<Item = Result<Delta, LlmError>> + Send + use<'a> {
    stream::unfold(Passing::Comes(request), move |passing| passing.next(gate, llm))
}

impl<'a> Passing<'a> {
    /// What is heard next, and where it is then.
    async fn next(mut self, gate: &Gate, llm: &'a dyn Llm) -> Option<(Result<Delta, LlmError>, Self)> {
        loop {
            self = match self {
                Self::Comes(request) => Self::Waits(gate.0.queue(), request),
                Self::Waits(mut waiting, request) => match waiting.next().await {
                    Ok(place) => Self::IsAnswered(Answer { reply: llm.stream(request), place }),
                    Err(notice) => return Some((Ok(Delta::Notice(notice)), Self::Waits(waiting, request))),
                },
                Self::IsAnswered(mut answer) => {
                    let delta = answer.reply.next().await?;
                    answer.place.heed(&delta);
                    return Some((delta, Self::IsAnswered(answer)));
                }
            };
        }
    }
}
