//! Making a tool call.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::task;
use crate::{
    Call, Context, EventKind, Outcome, Permits, Receipt, Rules, Team, Tool,
    teller::{Place, Teller},
};

/// Makes the tool calls of a run.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) team: Team,
    pub(super) teller: Teller,
    /// Bounds the calls under way, of all conversations of the run.
    permits: Option<Permits>,
    calls_made: AtomicU32,
    /// Cancelled when the host is dropped, and by whoever else has it.
    pub(super) cancel: CancellationToken,
}

/// The permits that a call under way holds.
pub(super) type Held = Vec<OwnedSemaphorePermit>;

impl Caller {
    pub(super) fn new(team: Team, teller: Teller, cancel: CancellationToken) -> Self {
        let permits = team.limits().calls_at_once.map(Permits::new);
        Self { team, teller, permits, calls_made: AtomicU32::new(0), cancel }
    }

    /// Makes a call on a task of its own, once there is a permit for it. It never fails: what goes wrong
    /// is its outcome.
    pub(super) async fn make(&self, call: &Call, receipt: Receipt) {
        let held = self.permits(call).await;
        self.tell_start(call);
        self.make_with(held, call, receipt).await;
    }

    pub(super) fn tell_start(&self, call: &Call) {
        self.teller.tell(Place::of(call), || EventKind::call_started(&call.call));
    }

    pub(super) async fn make_with(&self, held: Held, call: &Call, receipt: Receipt) {
        match self.admit(call) {
            Ok(tool) => self.run_tool(tool.clone(), call, receipt, held).await,
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

    /// Waits for the permits of a call: the tool's, the run's, then those that runs share. Always in this
    /// order, so that no two calls wait for each other, and the one that most share is held least.
    pub(super) async fn permits(&self, call: &Call) -> Held {
        let spec = self.team.spec(&call.agent, &call.call.name);
        let of_tool = spec.and_then(|spec| spec.permits.as_ref());
        // The same may stand in both places; nobody waits for what they hold themselves.
        let shared = self.team.limits().permits.as_ref().filter(|shared| of_tool != Some(shared));
        let (mut held, mut told) = (Vec::new(), false);
        for permits in [of_tool, self.permits.as_ref(), shared].into_iter().flatten() {
            held.push(match permits.try_acquire() {
                Some(permit) => permit,
                None => {
                    if !std::mem::replace(&mut told, true) {
                        let (id, tool) = (call.call.id.clone(), call.call.name.clone());
                        self.teller.tell(Place::of(call), || EventKind::CallQueued { id, tool });
                    }
                    permits.acquire().await
                }
            });
        }
        held
    }

    async fn run_tool(&self, tool: Arc<dyn Tool>, call: &Call, receipt: Receipt, held: Held) {
        let spec = tool.spec();
        let (blocking, timeout) = (spec.blocking, spec.timeout);
        let context = Context {
            conversation: call.conversation.clone(),
            agent: call.agent.clone(),
            call_id: call.call.id.clone(),
            allowed: call.allowed,
            cancel: self.cancel.child_token(),
            depth: call.depth,
            tool: call.call.name.clone(),
            teller: Some(self.teller.clone()),
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
            drop(held);
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
