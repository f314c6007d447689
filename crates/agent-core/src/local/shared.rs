//! Read-only calls: twins of a turn share one, and it may start before the turn.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use super::{call::Caller, task::AbortOnDrop};
use crate::{Call, EventKind, Outcome, Receipt, Response, ToolCall, teller::Place};

/// The read-only calls of a run that are under way, or were in this turn.
#[derive(Debug, Default)]
pub(super) struct SharedCalls(Mutex<Vec<Running>>);

/// A call on a task of its own, which is aborted when nobody holds this any more.
#[derive(Clone, Debug)]
struct Running {
    call: Arc<Call>,
    receipt: Receipt,
    begun: Arc<AtomicBool>,
    ended: Shared<BoxFuture<'static, ()>>,
    _abort: Arc<AbortOnDrop>,
}

impl SharedCalls {
    /// Starts a call, unless the same one is there already.
    pub(super) fn start(&self, caller: &Arc<Caller>, call: Call) {
        self.running(caller, call);
    }

    /// Makes a call, or takes part in the same one.
    pub(super) async fn make(&self, caller: &Arc<Caller>, call: &Call, receipt: Receipt) {
        let running = self.running(caller, call.clone());
        if running.call.call.id != call.call.id {
            caller.teller.tell(Place::of(call), || EventKind::call_started(&call.call));
        }
        running.receipt.copy_to(receipt);
        running.ended.await;
    }

    fn running(&self, caller: &Arc<Caller>, call: Call) -> Running {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter().find(|running| running.is_same(&call.conversation, &call.call)) {
            Some(running) => running.clone(),
            None => {
                let running = Running::start(caller.clone(), call);
                all.push(running.clone());
                running
            }
        }
    }

    /// Whether the end of this call was told as it ended.
    pub(super) fn has_told(&self, call: &Call) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|running| *running.call == *call)
    }

    /// Stops the calls of a conversation that this reply does not make, since it came out otherwise than
    /// it began.
    pub(super) fn keep(&self, caller: &Caller, conversation: &str, reply: Option<&Response>) {
        let is_made = |running: &Running| {
            let mut calls = reply.into_iter().flat_map(Response::tool_calls);
            calls.any(|call| running.is_same(conversation, call))
        };
        for stopped in self.take(|running| running.call.conversation == conversation && !is_made(running)) {
            if stopped.begun.load(Ordering::Relaxed) && stopped.receipt.done().is_none() {
                let outcome = Outcome::error("stopped: the reply that began it does not count");
                caller
                    .teller
                    .tell(Place::of(&stopped.call), || EventKind::of_outcome(&stopped.call, &outcome));
            }
        }
    }

    /// Forgets the calls of a conversation: what is read from here on may be different.
    pub(super) fn forget(&self, conversation: &str) {
        self.take(|running| running.call.conversation == conversation);
    }

    fn take(&self, which: impl Fn(&Running) -> bool) -> Vec<Running> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, left) = mem::take(&mut *all).into_iter().partition(|running| which(running));
        *all = left;
        taken
    }
}

impl Running {
    fn start(caller: Arc<Caller>, call: Call) -> Self {
        let (call, receipt) = (Arc::new(call), Receipt::default());
        let (made, left, begun) = (call.clone(), receipt.clone(), Arc::new(AtomicBool::new(false)));
        let begin = begun.clone();
        let task = tokio::spawn(async move {
            let held = caller.permits(&made).await;
            begin.store(true, Ordering::Relaxed);
            caller.make_with(held, &made, left.clone()).await;
            let outcome = left.done_or_error().outcome;
            if is_final(&outcome) {
                caller.teller.tell(Place::of(&made), || EventKind::of_outcome(&made, &outcome));
            }
        });
        let abort = Arc::new(AbortOnDrop(task.abort_handle()));
        Self { call, receipt, begun, ended: task.map(drop).boxed().shared(), _abort: abort }
    }

    fn is_same(&self, conversation: &str, call: &ToolCall) -> bool {
        let own = &self.call.call;
        self.call.conversation == conversation && own.name == call.name && own.input == call.input
    }
}

/// Whether a call is over with this outcome, whatever the rules say.
pub(super) fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Output(_) | Outcome::Error(_))
}
