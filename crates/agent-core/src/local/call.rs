//! Making a tool call.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::OwnedSemaphorePermit;

use super::{Local, Place, task};
use crate::{Call, Context, Done, EventKind, Outcome, Rules, RunError, Tool};

impl Local {
    /// Makes a call on a task of its own. It never fails: what goes wrong is its outcome.
    pub(super) async fn make(&self, call: Call) -> Result<Done, RunError> {
        let permit = self.permit().await;
        self.stop_if_cancelled().await;
        let place = Place { conversation: &call.conversation, depth: call.depth, agent: &call.agent };
        self.tell_of(place, || EventKind::call_started(&call.call));
        let outcome = match self.admit(&call) {
            Ok(tool) => self.run(tool.clone(), &call, permit).await,
            Err(refused) => refused,
        };
        self.tell_of(place, || match &outcome {
            Outcome::Delegate { to, .. } => EventKind::Delegated {
                id: call.call.id.clone(),
                to: to.clone(),
                conversation: format!("{}/{}", call.conversation, call.call.id),
            },
            _ => EventKind::call_ended(&call.call, &outcome),
        });
        Ok(outcome.into())
    }

    /// The tool of a call that may be made.
    fn admit(&self, call: &Call) -> Result<&Arc<dyn Tool>, Outcome> {
        let tool = self.team.tool(call)?;
        match self.team.limits().calls {
            Some(most) if self.calls_made.fetch_add(1, Ordering::Relaxed) >= most => {
                Err(Outcome::Error(format!("not run: the limit of {most} tool calls a run is reached")))
            }
            _ => Ok(tool),
        }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permits = self.permits.clone()?;
        Some(permits.acquire_owned().await.expect("the semaphore is never closed"))
    }

    async fn run(&self, tool: Arc<dyn Tool>, call: &Call, permit: Option<OwnedSemaphorePermit>) -> Outcome {
        let spec = tool.spec();
        let (blocking, timeout) = (spec.blocking, spec.timeout);
        let context = Context {
            conversation: call.conversation.clone(),
            agent: call.agent.clone(),
            call_id: call.call.id.clone(),
            allowed: call.allowed,
            cancel: self.cancel.child_token(),
        };
        // Cancels the call when this future is dropped, and when it timed out.
        let _cancel = context.cancel.clone().drop_guard();
        let input = call.call.input.clone();
        let work = async move {
            let outcome = tool.call(input, context).await;
            drop(permit);
            outcome
        };
        let ended = if blocking { task::on_blocking_pool(work) } else { task::on_runtime(work) };
        match timeout {
            None => ended.await,
            Some(limit) => tokio::time::timeout(limit, ended)
                .await
                .unwrap_or_else(|_| Outcome::Error(format!("timed out after {limit:?}"))),
        }
    }
}
