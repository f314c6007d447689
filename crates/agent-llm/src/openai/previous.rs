//! Replies that a server should have kept, and has not.

use std::time::Duration;

use agent_core::{BoxStream, Delta, Llm, LlmError, Request};

use crate::wrappers::asking::{Again, Asking};

/// Asks once more with the whole history if the server does not have the reply that a request goes on from.
pub(crate) struct Previous<L>(pub(crate) L);

impl<L: Llm> Llm for Previous<L> {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        match request.previous_reply {
            None => self.0.stream(request),
            Some(_) => GoingOn { llm: &self.0, request }.stream(),
        }
    }
}

struct GoingOn<'a, L> {
    llm: &'a L,
    request: Request,
}

impl<'a, L: Llm> Asking<'a> for GoingOn<'a, L> {
    fn ask(&mut self) -> BoxStream<'a, Result<Delta, LlmError>> {
        self.llm.stream(self.request.clone())
    }

    fn see(&mut self, _: &Delta) -> Result<Option<Delta>, LlmError> {
        Ok(None)
    }

    fn end(&mut self) -> Result<(), LlmError> {
        Ok(())
    }

    /// Only a request that was refused says so, and its reply has not begun.
    fn again(&mut self, error: LlmError) -> Result<Again, LlmError> {
        let is_gone = error.error_code.as_deref() == Some("previous_response_not_found")
            || (error.status.is_some() && error.message.starts_with("Previous response with id"));
        if !is_gone || self.request.previous_reply.take().is_none() {
            return Err(error);
        }
        let reason = format!("all of the history is sent, since {error}");
        Ok(Again { attempt: 1, wait: Duration::ZERO, reason })
    }
}
