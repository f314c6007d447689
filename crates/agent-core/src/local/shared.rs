//! Read-only calls: twins of a turn share one, and it may start before the turn.

use std::{
    mem,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use super::{
    call::Caller,
    task::AbortOnDrop,
    told::{Stage, Told},
};
use crate::{
    Block, Call, Conversation, EventKind, Outcome, Receipt, Response, ToolCall,
    cancel::{Entered, Stop, Tokens},
    teller::Place,
};

/// The read-only calls of a run that are under way, or were in this turn.
#[derive(Debug, Default)]
pub(super) struct SharedCalls(Mutex<Vec<Running>>);

/// A call on a task of its own, which is aborted when nobody holds this any more.
#[derive(Clone, Debug)]
struct Running {
    call: Arc<Call>,
    receipt: Receipt,
    told: Arc<Told>,
    ended: Shared<BoxFuture<'static, ()>>,
    abort: Arc<AbortOnDrop>,
    stop: Stop,
}

impl SharedCalls {
    /// Starts a call, unless the same one is there already. Until its turn comes it is stopped by `tokens`.
    pub(super) fn start(&self, caller: &Arc<Caller>, tokens: Option<&Arc<Tokens>>, call: Call) {
        let call = Arc::new(call);
        self.running(&call, || Running::start(caller.clone(), call.clone(), Entered::of(&call, tokens)));
    }

    /// Makes a call, or takes part in the same one.
    pub(super) async fn make(&self, caller: &Arc<Caller>, call: &Arc<Call>, receipt: Receipt) {
        let begin = || Running::start(caller.clone(), call.clone(), Entered::default());
        let running = self.running(call, begin);
        if running.call.call.id != call.call.id {
            caller.tell_start(call);
        }
        running.receipt.copy_to(receipt);
        running.ended.await;
    }

    fn running(&self, call: &Call, begin: impl FnOnce() -> Running) -> Running {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter().find(|running| running.is_for(call)) {
            Some(running) => running.clone(),
            None => {
                let running = begin();
                all.push(running.clone());
                running
            }
        }
    }

    /// Stops a call that was cancelled, unless a twin still wants it.
    pub(super) fn leave(&self, call: &Call) {
        self.take(|running| {
            let is_wanted = Arc::strong_count(&running.abort) > 1;
            running.is_same(&call.conversation, &call.call) && !is_wanted && running.receipt.done().is_none()
        });
    }

    /// Whether the end of this call is still to be told; whoever asks tells it.
    pub(super) fn is_end_untold(&self, call: &Call) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.iter().find(|running| *running.call == *call);
        own.is_none_or(|running| running.told.end() != Stage::End)
    }

    /// Stops the calls of a conversation that this reply does not make, since it came out otherwise than
    /// it began.
    pub(super) fn keep(&self, caller: &Caller, so_far: &Conversation, reply: Option<&Response>) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return;
        }
        // As the conversation will record them.
        let recorded = reply.map(|reply| so_far.mended(reply.content.clone())).unwrap_or_default();
        let is_made = |running: &Running| {
            let mut calls = recorded.iter().filter_map(Block::as_tool_use);
            calls.any(|call| running.is_same(so_far.id(), call))
        };
        for stopped in self.take(|running| *running.call.conversation == *so_far.id() && !is_made(running)) {
            if stopped.told.end() == Stage::Start {
                let had = stopped.receipt.done().map(|done| done.outcome).filter(is_final);
                let outcome =
                    had.unwrap_or_else(|| Outcome::error("stopped: the reply that began it does not count"));
                let call = &*stopped.call;
                caller.teller.tell(Place::of(call), || EventKind::of_outcome(call, &outcome));
            }
        }
    }

    /// Forgets the calls of a conversation: what is read from here on may be different.
    pub(super) fn forget(&self, conversation: &str) {
        self.take(|running| *running.call.conversation == *conversation);
    }

    fn take(&self, which: impl Fn(&Running) -> bool) -> Vec<Running> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, left) = mem::take(&mut *all).into_iter().partition(|running| which(running));
        *all = left;
        taken
    }
}

impl Running {
    fn start(caller: Arc<Caller>, call: Arc<Call>, entered: Entered) -> Self {
        let (receipt, stop) = (Receipt::default(), entered.stop.clone());
        let (made, left, told) = (call.clone(), receipt.clone(), Arc::new(Told::default()));
        let tell = told.clone();
        let task = tokio::spawn(async move {
            let ended = {
                let mut making = pin!(async {
                    let held = caller.permits(&made).await;
                    tell.start(|| caller.tell_start(&made));
                    caller.make_with(held, &made, left.clone()).await;
                });
                entered.stop.or(making.as_mut()).await
            };
            if ended.is_none() {
                left.fill(Outcome::error("cancelled"));
            }
            let outcome = left.done_or_error().outcome;
            if is_final(&outcome) && tell.end() != Stage::End {
                caller.teller.tell(Place::of(&made), || EventKind::of_outcome(&made, &outcome));
            }
        });
        let abort = Arc::new(AbortOnDrop(task.abort_handle()));
        Self { call, receipt, told, ended: task.map(drop).boxed().shared(), abort, stop }
    }

    /// Whether its result is this call's, too. Of one that was stopped it is nobody else's.
    fn is_for(&self, call: &Call) -> bool {
        let is_own = self.call.call.id == call.call.id;
        self.is_same(&call.conversation, &call.call) && (is_own || !self.stop.is_stopped())
    }

    fn is_same(&self, conversation: &str, call: &ToolCall) -> bool {
        let own = &self.call.call;
        *self.call.conversation == *conversation && own.name == call.name && own.input == call.input
    }
}

/// Whether a call is over with this outcome, whatever the rules say.
pub(super) fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Output(_) | Outcome::Error(_))
}
