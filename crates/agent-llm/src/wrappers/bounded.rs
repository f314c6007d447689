//! The wrapper that keeps requests within bounds.

use std::{fmt, future::ready};

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Usage, budget::Usd, model::Notice};
use futures::{StreamExt, stream};

use super::bounds::Bounds;

/// A wrapper around any [`Llm`] that keeps requests within [`Bounds`], by leaving parts out or
/// cutting them. The reply to such a request begins with a [`Notice::Omitted`] that lists these
/// parts.
///
/// `Claude` already has this wrapper, as the outermost one.
/// [`ClaudeBuilder::bounds`](crate::ClaudeBuilder::bounds) sets its bounds.
#[derive(Clone)]
pub struct Bounded<L> {
    llm: L,
    bounds: Bounds,
}

impl<L: Llm> Bounded<L> {
    /// Puts these bounds around a backend.
    pub fn new(llm: L, bounds: Bounds) -> Self {
        Self { llm, bounds }
    }

    /// The backend to which this wrapper sends requests.
    pub fn inner(&self) -> &L {
        &self.llm
    }

    /// The bounds that requests are kept within.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}

impl<L: Llm> Llm for Bounded<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (request, parts) = self.bounds.fit(request);
        let reply = self.llm.stream(request);
        match parts.is_empty() {
            true => reply,
            false => stream::once(ready(Ok(Delta::Notice(Notice::Omitted { parts })))).chain(reply).boxed(),
        }
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

impl<L> fmt::Debug for Bounded<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}
