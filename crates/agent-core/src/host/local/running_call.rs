//! A running call on its own task, for which several calls may wait.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use super::{
    call::Caller,
    call_events::{CallEvents, Emitted},
    task::AbortOnDrop,
};
use crate::{
    Call, Done, EventKind, Outcome, Receipt, ToolCall,
    event::emitter::Origin,
    host::cancel::{CallGuard, Stop},
};

/// The result of a call that started early, and whose reply does not count.
pub(super) const UNCOUNTED: &str = "stopped: its reply does not count";

/// A running or ended call. It is aborted when nobody holds this any more.
#[derive(Clone, Debug)]
pub(super) struct RunningCall {
    /// The call for which it began.
    pub(super) call: Arc<Call>,
    /// Whether all equal calls may get its result.
    pub(super) shared: bool,
    /// Whether a call of a turn uses it.
    pub(super) claimed: bool,
    has_effects: bool,
    receipt: Receipt,
    events: Arc<CallEvents>,
    ended: Shared<BoxFuture<'static, ()>>,
    abort: Arc<AbortOnDrop>,
    stop: Stop,
}

impl RunningCall {
    pub(super) fn start(
        caller: Arc<Caller>,
        call: Arc<Call>,
        entered: CallGuard,
        late: Option<Duration>,
    ) -> Self {
        let (receipt, stop) = (Receipt::default(), entered.stop.clone());
        let (made, left, events) = (call.clone(), receipt.clone(), Arc::new(CallEvents::default()));
        let (shared, has_effects) = (caller.shares(&call), caller.has_effects(&call));
        let emitted = events.clone();
        let task = tokio::spawn(async move {
            let ended = {
                let mut making = pin!(async {
                    let held = caller.permits(&made).await;
                    if emitted.emit_start(|| caller.emit_start(&made, late)) {
                        caller.make_with(held, &made, left.clone()).await;
                    }
                });
                entered.stop.or(making.as_mut()).await
            };
            if ended.is_none() {
                left.fill(Outcome::error("cancelled"));
            }
            let outcome = left.done_or_error().outcome;
            if is_final(&outcome) && emitted.mark_ended() != Emitted::End {
                caller.emitter.emit(Origin::of(&made), || EventKind::of_outcome(&made, &outcome));
            }
        });
        let abort = Arc::new(AbortOnDrop(task.abort_handle()));
        let ended = task.map(drop).boxed().shared();
        Self { call, shared, claimed: false, has_effects, receipt, events, ended, abort, stop }
    }

    /// Waits for its end as the call `call`, which may be another one than it began for.
    pub(super) fn join(
        self,
        caller: &Caller,
        call: &Call,
        receipt: Receipt,
    ) -> impl Future<Output = ()> + use<> {
        if self.call.call.id != call.call.id {
            caller.emit_start(call, None);
        }
        // Copied at once, so that a result that is there is kept if the call is stopped now.
        self.receipt.copy_to(receipt);
        async move {
            // All of it is held, so that it is not abandoned.
            let joined = self;
            joined.ended.clone().await;
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// Whether a call of the final reply may use it. `behind` says that this call is after one that
    /// runs alone. Then a read may be outdated, but effects have happened anyway.
    pub(super) fn counts(&self, behind: bool) -> bool {
        !behind || self.has_effects
    }

    /// Whether it still runs and nobody waits for it.
    pub(super) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.abort) == 1 && self.receipt.done().is_none()
    }

    pub(super) fn claims_end_event(&self) -> bool {
        self.events.mark_ended() != Emitted::End
    }

    /// Discards a call that is in no message. If it has not begun, it never will. If it only reads,
    /// it stops when this is dropped. If it may have effects, it is not stopped. Returns true in
    /// this last case: somebody must wait for its end. `why` is the result of one that is
    /// stopped.
    pub(super) fn discard(&self, caller: &Caller, why: &'static str) -> bool {
        if self.events.prevent_start() {
            return false;
        }
        if self.has_effects {
            caller.emitter.emit(Origin::of(&self.call), || EventKind::call_discarded(&self.call.call));
        } else {
            self.emit_end(caller, why);
            caller.budgets.count_unused(&self.call, &self.receipt);
        }
        self.has_effects
    }

    /// Whether it has begun. If not, it never will.
    pub(super) fn has_begun(&self) -> bool {
        !self.events.prevent_start()
    }

    /// Waits for its end as the call with this id, which has no turn, and returns its result if it
    /// has one.
    pub(super) async fn finish_as(self, caller: &Caller, id: &str) -> Option<Outcome> {
        self.ended.clone().await;
        let outcome = self.receipt.done().map(|done| done.outcome).filter(is_final);
        self.emit_end(caller, UNCOUNTED);
        caller.budgets.count_unused(&self.call, &self.receipt);
        if let Some(outcome) = outcome.as_ref().filter(|_| self.call.call.id != id) {
            let call = ToolCall { id: id.to_owned(), ..(*self.call.call).clone() };
            let call = Call { call: call.into(), ..(*self.call).clone() };
            caller.emit_start(&call, None);
            caller.emitter.emit(Origin::of(&call), || EventKind::of_outcome(&call, outcome));
        }
        outcome
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        self.ended.clone().await;
    }

    /// Its result, if it has ended, with what it used. Whoever takes it must record it.
    pub(super) fn take_done(&self) -> Option<Done> {
        self.receipt.take_copy()
    }

    /// Nobody is told how it ends, because it is stopped and made again.
    pub(super) fn hide_end(&self) {
        self.events.mark_ended();
    }

    /// Waits for the end of a discarded call.
    pub(super) async fn finish(self, caller: &Caller) {
        self.ended.clone().await;
        self.emit_end(caller, UNCOUNTED);
        caller.budgets.count_unused(&self.call, &self.receipt);
    }

    /// How it ends.
    pub(super) fn ended_with(&self) -> impl Future<Output = Outcome> + use<> {
        let (receipt, ended) = (self.receipt.clone(), self.ended.clone());
        ended.map(move |()| receipt.done_or_error().outcome)
    }

    fn emit_end(&self, caller: &Caller, otherwise: &'static str) {
        if self.events.mark_ended() == Emitted::Start {
            let had = self.receipt.done().map(|done| done.outcome).filter(is_final);
            let outcome = had.unwrap_or_else(|| Outcome::error(otherwise));
            caller.emitter.emit(Origin::of(&self.call), || EventKind::of_outcome(&self.call, &outcome));
        }
    }
}

/// Whether a call has ended with this outcome, whatever the rules say.
pub(super) fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Output(_) | Outcome::Error(_) | Outcome::Answer { .. })
}
