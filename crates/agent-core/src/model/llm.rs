//! The model, as the loop sees it.

use std::{future::Future, sync::Arc};

use futures::{StreamExt, stream, stream::BoxStream};

use crate::{Delta, LlmError, Request, Response};

/// A model backend: one method. Whatever can be done around a request (retries, limits, caching) is
/// a type that holds an `Llm` and is one.
///
/// A backend with its whole reply at once uses [`non_streaming`]. One that streams uses the crate `futures`; what
/// it yields is described at [`Delta`]. One model can serve many agents: [`Request::agent`](crate::model::RequestParts::agent) says who asks.
///
/// ```
/// use agent_core::{BoxStream, Delta, Llm, LlmError, Request, StopReason};
/// use futures::{StreamExt, stream};
///
/// struct Greeter;
/// impl Llm for Greeter {
///     fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
///         let words = ["I am ", &*request.agent, "."].map(|word| Delta::words(0, word));
///         stream::iter(words).chain(stream::iter([Delta::stop(StopReason::EndTurn)])).map(Ok).boxed()
///     }
/// }
/// ```
pub trait Llm: Send + Sync {
    /// Asks the model; yields the reply piece by piece, or an error, after which nothing follows.
    /// The request is made when the stream is first polled, and given up when it is dropped.
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>>;
}

impl<L: Llm + ?Sized> Llm for Arc<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        (**self).stream(request)
    }
}

/// The stream of a backend that has its reply all at once.
///
/// ```
/// use agent_core::{BoxStream, Delta, Llm, LlmError, Request, Response, model::non_streaming};
///
/// struct Echo;
/// impl Llm for Echo {
///     fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
///         non_streaming(async move { Ok(Response::text(request.last_text())) })
///     }
/// }
/// ```
pub fn non_streaming<'a>(
    reply: impl Future<Output = Result<Response, LlmError>> + Send + 'a,
) -> BoxStream<'a, Result<Delta, LlmError>> {
    stream::once(async { reply.await.map(Delta::complete) }).boxed()
}
