//! Asking a model.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::{Local, task::panic_message};
use crate::{
    Conversation, EventKind, Failure, LlmError, LlmErrorKind, Response, Rules, RunError, StopReason, fold,
};

impl Local {
    pub(super) async fn ask_model(
        &self,
        so_far: &Conversation,
    ) -> Result<Result<Response, Failure>, RunError> {
        self.stop_if_cancelled().await;
        let agent = so_far.speaker();
        let (Some(request), Some(speaker)) = (self.team.request(so_far), self.team.agent(agent)) else {
            let agents = self.team.agents().join(", ");
            return Err(RunError::UnknownAgent { agent: agent.to_owned(), agents });
        };
        self.tell(so_far, || EventKind::TurnStarted);
        let see = |delta: &crate::Delta| self.tell(so_far, || EventKind::Delta(delta.clone()));
        // A backend is foreign code; its panic must not take other conversations of the run along.
        let reply = AssertUnwindSafe(async { fold(speaker.llm().stream(request), see).await });
        let reply = reply
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| Err(LlmError::new(LlmErrorKind::Panicked, panic_message(&*panic))));
        match &reply {
            Ok(response) => self.tell_of_reply(so_far, response),
            Err(error) => self.tell(so_far, || EventKind::TurnFailed { error: error.to_string() }),
        }
        Ok(reply.map_err(|error| Failure { agent: agent.to_owned(), error }))
    }

    fn tell_of_reply(&self, so_far: &Conversation, response: &Response) {
        if so_far.speaker() != so_far.agent() && response.stop_reason != StopReason::Refusal {
            self.tell(so_far, || EventKind::Transferred { from: so_far.agent().to_owned() });
        }
        self.tell(so_far, || EventKind::TurnEnded {
            stop_reason: response.stop_reason.clone(),
            calls: response.tool_calls().count(),
            usage: response.usage,
        });
    }
}
