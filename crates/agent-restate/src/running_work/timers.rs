//! The timers of delegations with a time limit.

use restate_sdk::{
    context::{ContextClient, ContextTimers, DurableFuture, ObjectContext, RequestTarget},
    serde::Json,
};

use super::{RunningWork, TimeLimit, WorkEvent};
use crate::names::SESSION;

impl<'ctx> RunningWork<'ctx> {
    /// Starts the timer of a delegation.
    pub(super) fn start_timer(&mut self, ctx: &ObjectContext<'ctx>, place: usize) {
        if let Some(TimeLimit { left, .. }) = self.started[place].time {
            let late = ctx.sleep(left).map(|_| WorkEvent::Late);
            self.wait_for(place, Box::pin(late));
        }
    }

    pub(super) fn ask_whether_it_waits(&mut self, ctx: &ObjectContext<'ctx>, place: usize) {
        let Some(child) = &self.started[place].child else { return };
        let target = RequestTarget::object(SESSION, child.as_str(), "paused");
        let asked = ctx.request::<(), Json<bool>>(target, ()).call();
        let waits = asked.map(|paused| WorkEvent::Waits(paused.map(|Json(paused)| paused)));
        self.wait_for(place, Box::pin(waits));
    }

    /// Stops a delegation whose time is over.
    pub(super) fn stop(&mut self, place: usize) {
        let started = &mut self.started[place];
        if let (Some(time), Some(invocation)) = (&mut started.time, &started.invocation) {
            time.is_over = true;
            invocation.cancel();
        }
    }
}
