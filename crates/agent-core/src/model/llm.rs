//! The trait for model backends.

use std::{future::Future, sync::Arc};

use futures::{StreamExt, stream, stream::BoxStream};

use crate::{Delta, Json, LlmError, Request, Response, Usage, Usd};

/// A model backend. It needs one method, which streams the reply to a request. Retries, limits or
/// caching are wrappers: types that hold an `Llm` and implement `Llm`.
///
/// A backend that gets its reply in one piece uses [`non_streaming`]. A backend that streams uses
/// the crate `futures`, and [`Delta`] describes what it yields. One backend can serve many agents:
/// [`Request::agent`](crate::model::RequestParts::agent) names the agent that asks.
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
    /// Sends a request and yields the reply piece by piece. After an `Err` the stream yields
    /// nothing more. The request is sent when the stream is first polled, and aborted when the
    /// stream is dropped.
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>>;

    /// Whether the backend's API can make the model answer with JSON that fits this schema, and the
    /// backend passes on [`Request::answer_schema`](crate::model::RequestParts::answer_schema). The
    /// default is `false`: then typed answers use a tool instead, which works with every backend. A
    /// wrapper should return what its inner backend returns.
    fn supports_answer_schema(&self, _schema: &Json) -> bool {
        false
    }

    /// The most that a usage can cost with the models that the backend asks; `None` if it does not
    /// know their prices, which is the default. [`Priced`](crate::model::Priced) knows them. A
    /// wrapper should return what its inner backend returns, and the higher cost if it has several.
    fn max_cost(&self, _usage: &Usage) -> Option<Usd> {
        None
    }
}

impl<L: Llm + ?Sized> Llm for Arc<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        (**self).stream(request)
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        (**self).supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        (**self).max_cost(usage)
    }
}

/// Makes the stream of [`Llm::stream`] for a backend that gets its reply in one piece.
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
