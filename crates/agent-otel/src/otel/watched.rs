//! A wrapper around a model that shows its requests to the spans.

use std::sync::Arc;

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request, Usage, budget::Usd};

use super::shared::Shared;

/// A model whose requests are in the spans of their turns.
pub(super) struct Watched<L> {
    pub(super) llm: L,
    pub(super) shared: Arc<Shared>,
}

impl<L: Llm> Llm for Watched<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.shared.requests.see(&request, self.shared.names, self.shared.content);
        self.llm.stream(request)
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}
