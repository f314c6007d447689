//! Making a tool call.

use std::sync::{Arc, atomic::Ordering};

use tokio::sync::OwnedSemaphorePermit;

use super::{Local, Place, task};
use crate::{Call, Context, EventKind, Outcome, Receipt, Rules, Tool};

impl Local {
    /// Makes a call on a task of its own. It never fails: what goes wrong is its outcome.
    pub(super) async fn make(&self, call: Call, receipt: Receipt) {
        let permit = self.permit().await;
        self.tell_of(Place::of(&call), || EventKind::call_started(&call.call));
        match self.admit(&call) {
            Ok(tool) => self.run_tool(tool.clone(), &call, receipt, permit).await,
            Err(refused) => receipt.fill(refused),
        }
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

    async fn run_tool(
        &self,
        tool: Arc<dyn Tool>,
        call: &Call,
        receipt: Receipt,
        permit: Option<OwnedSemaphorePermit>,
    ) {
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
        let (input, left, cancel) = (call.call.input.clone(), receipt.clone(), context.cancel.clone());
        let work = async move {
            let outcome = task::outcome(tool.call(input, context)).await;
            // What a call says once it is not wanted any more, perhaps because of that, is no result.
            if !cancel.is_cancelled() {
                left.fill(outcome);
            }
            drop(permit);
        };
        let ended = task::run(work, blocking);
        match timeout {
            None => ended.await,
            Some(limit) => {
                if tokio::time::timeout(limit, ended).await.is_err() {
                    receipt.fill(Outcome::Error(format!("timed out after {limit:?}")));
                }
            }
        }
    }
}
