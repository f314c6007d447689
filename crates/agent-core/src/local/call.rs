//! Making a tool call.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{Place, Teller, task};
use crate::{Call, Context, EventKind, Outcome, Receipt, Rules, Team, Tool};

/// Makes the tool calls of a run.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) team: Team,
    pub(super) teller: Teller,
    /// Bounds the calls under way, of all conversations of the run.
    permits: Option<Arc<Semaphore>>,
    calls_made: AtomicU32,
    /// Cancelled when the host is dropped, and by whoever else has it.
    pub(super) cancel: CancellationToken,
}

/// What a call under way holds, if there is a limit on them.
pub(super) type Permit = Option<OwnedSemaphorePermit>;

impl Caller {
    pub(super) fn new(team: Team, teller: Teller, cancel: CancellationToken) -> Self {
        let limit = team.limits().calls_at_once.map(|limit| limit.clamp(1, Semaphore::MAX_PERMITS));
        let permits = limit.map(|limit| Arc::new(Semaphore::new(limit)));
        Self { team, teller, permits, calls_made: AtomicU32::new(0), cancel }
    }

    /// Makes a call on a task of its own, once there is a permit for it. It never fails: what goes wrong
    /// is its outcome.
    pub(super) async fn make(&self, call: &Call, receipt: Receipt) {
        let permit = self.permit().await;
        self.make_with(permit, call, receipt).await;
    }

    pub(super) async fn make_with(&self, permit: Permit, call: &Call, receipt: Receipt) {
        self.teller.tell(Place::of(call), || EventKind::call_started(&call.call));
        match self.admit(call) {
            Ok(tool) => self.run_tool(tool.clone(), call, receipt, permit).await,
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

    pub(super) async fn permit(&self) -> Permit {
        let permits = self.permits.clone()?;
        Some(permits.acquire_owned().await.expect("the semaphore is never closed"))
    }

    async fn run_tool(&self, tool: Arc<dyn Tool>, call: &Call, receipt: Receipt, permit: Permit) {
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
