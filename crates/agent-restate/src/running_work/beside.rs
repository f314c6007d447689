//! Detached calls, and calls that wait for them.

use std::time::Duration;

use agent_core::conversation::Call;
use restate_sdk::context::{ContextTimers, DurableFuture, ObjectContext};

use super::{Next, RunningWork, StartedWork, WorkEvent};

/// The longest time after which a call is detached: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<'ctx> RunningWork<'ctx> {
    /// The place of the work of a call, if it has not ended.
    fn place_of(&self, call: &str) -> Option<usize> {
        self.started.iter().rposition(|started| !started.is_done && started.call.call.id == call)
    }

    /// Whether the work of this call goes on.
    pub(crate) fn is_running(&self, call: &str) -> bool {
        self.place_of(call).is_some()
    }

    /// Whether the work of any detached call goes on.
    pub(crate) fn has_detached(&self) -> bool {
        self.detached > 0
    }

    /// The work of this call goes on without its turn.
    pub(crate) fn detach(&mut self, call: &str) {
        if let Some(place) = self.place_of(call).filter(|place| !self.started[*place].is_detached) {
            self.started[place].is_detached = true;
            self.open -= 1;
            self.detached += 1;
        }
    }

    /// Detaches this call after this time, if it has not ended.
    pub(crate) fn detach_after(&mut self, ctx: &ObjectContext<'ctx>, call: &str, time: Duration) {
        if let Some(place) = self.place_of(call) {
            // The engine keeps the moment, so there must be such a date.
            let time = time.min(LONGEST);
            self.wait_for(place, Box::pin(ctx.sleep(time).map(|_| WorkEvent::Detaches)));
        }
    }

    /// Looks what has ended so far: all of it comes before [`Next::Looked`].
    pub(crate) fn look(&mut self, ctx: &ObjectContext<'ctx>) {
        let place = self.started.len().saturating_sub(1);
        self.open += 1;
        self.wait_for(place, Box::pin(ctx.sleep(Duration::ZERO).map(|_| WorkEvent::Looked)));
    }

    /// Starts a call that waits until one of these calls is over, and at most for this time.
    pub(crate) fn start_wait(
        &mut self,
        ctx: &ObjectContext<'ctx>,
        call: Call,
        calls: Vec<String>,
        limit: Duration,
    ) {
        let place = self.started.len();
        self.started.push(StartedWork { waits_for: Some(calls), ..StartedWork::new(call) });
        self.open += 1;
        self.wait_for(place, Box::pin(ctx.sleep(limit).map(|_| WorkEvent::WaitIsOver)));
    }

    /// A call that has waited long enough, because one of those that it waits for is over.
    pub(super) fn waited(&mut self) -> Option<Next> {
        let over = |started: &StartedWork| -> Vec<String> {
            let calls = started.waits_for.iter().filter(|_| !started.is_done).flatten();
            calls.filter(|call| !self.is_running(call)).cloned().collect()
        };
        let all = self.started.iter().map(over).enumerate();
        let (place, over) = all.into_iter().find(|(_, over)| !over.is_empty())?;
        Some(self.end_wait(place, over))
    }

    pub(super) fn end_wait(&mut self, place: usize, over: Vec<String>) -> Next {
        let started = &mut self.started[place];
        started.is_done = true;
        self.open -= 1;
        Next::Waited(started.call.clone(), over)
    }

    /// Stops the work of a call. Its end comes as a result.
    pub(crate) fn stop_call(&self, call: &str) {
        let place = self.place_of(call);
        place.and_then(|place| self.started[place].invocation.as_ref()).iter().for_each(|call| call.cancel());
    }

    /// Forgets what has ended, if nothing goes on and nobody is waited for.
    pub(crate) fn tidy(&mut self) {
        if self.open == 0 && self.detached == 0 && !self.has_waits() {
            *self = Self::default();
        }
    }
}
