//! A call that several may wait for, on a task of its own.

use std::{pin::pin, sync::Arc, time::Duration};

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
    Call, EventKind, Outcome, Receipt, ToolCall,
    event::emitter::Origin,
    host::cancel::{CallGuard, Stop},
};

/// A call that is under way, or has ended. It is aborted when nobody holds this any more.
#[derive(Clone, Debug)]
pub(super) struct RunningCall {
    /// The call it began for.
    pub(super) call: Arc<Call>,
    /// Whether all calls that are equal may have its result.
    pub(super) shared: bool,
    /// Whether a call whose turn has come has it.
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

    /// Waits for it as this call, which may be another one than it began for.
    pub(super) async fn join(self, caller: &Caller, call: &Call, receipt: Receipt) {
        if self.call.call.id != call.call.id {
            caller.emit_start(call, None);
        }
        self.receipt.copy_to(receipt);
        self.ended.await;
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// Whether it may be a call of the final reply, perhaps one `behind` a call that runs alone:
    /// what was read before that may be different now, but what was done is done.
    pub(super) fn counts(&self, behind: bool) -> bool {
        !behind || self.has_effects
    }

    /// Whether nobody waits for it, and it is still under way.
    pub(super) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.abort) == 1 && self.receipt.done().is_none()
    }

    pub(super) fn claims_end_event(&self) -> bool {
        self.events.mark_ended() != Emitted::End
    }

    /// It is part of no message. What has not begun never does, what only reads is stopped when
    /// this is dropped; what may have effects is not cut in the middle. Whether it is that, so that
    /// somebody must wait for its end.
    pub(super) fn discard(&self, caller: &Caller) -> bool {
        if self.events.prevent_start() {
            return false;
        }
        if self.has_effects {
            let (id, tool) = (self.call.call.id.clone(), self.call.call.name.clone());
            caller.emitter.emit(Origin::of(&self.call), || EventKind::CallDiscarded { id, tool });
        } else {
            self.emit_end(caller);
        }
        self.has_effects
    }

    /// Whether it has begun; if not, it never does.
    pub(super) fn has_begun(&self) -> bool {
        !self.events.prevent_start()
    }

    /// Waits for its end as the call of this id, which has no turn, and gives its result if there
    /// is one.
    pub(super) async fn finish_as(self, caller: &Caller, id: &str) -> Option<Outcome> {
        self.ended.clone().await;
        let outcome = self.receipt.done().map(|done| done.outcome).filter(is_final);
        self.emit_end(caller);
        if let Some(outcome) = outcome.as_ref().filter(|_| self.call.call.id != id) {
            let call = ToolCall { id: id.to_owned(), ..(*self.call.call).clone() };
            let call = Call { call: call.into(), ..(*self.call).clone() };
            caller.emit_start(&call, None);
            caller.emitter.emit(Origin::of(&call), || EventKind::of_outcome(&call, outcome));
        }
        outcome
    }

    /// Waits for the end of such a call.
    pub(super) async fn finish(self, caller: &Caller) {
        self.ended.clone().await;
        self.emit_end(caller);
    }

    fn emit_end(&self, caller: &Caller) {
        if self.events.mark_ended() == Emitted::Start {
            let had = self.receipt.done().map(|done| done.outcome).filter(is_final);
            let outcome =
                had.unwrap_or_else(|| Outcome::error("stopped: the reply that began it does not count"));
            caller.emitter.emit(Origin::of(&self.call), || EventKind::of_outcome(&self.call, &outcome));
        }
    }
}

/// Whether a call is over with this outcome, whatever the rules say.
pub(super) fn is_final(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Output(_) | Outcome::Error(_))
}
