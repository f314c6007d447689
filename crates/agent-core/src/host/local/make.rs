//! Makes the calls of a turn, or joins calls that began before.

use std::{future::Future, pin::pin, sync::Arc};

use futures::{FutureExt, future::Either};
use tokio::sync::oneshot;

use super::{LocalHost, Mode, call::Busy};
use crate::{Call, Outcome, Receipt, Rules, RunError, ToolSpec, host::cancel::CallGuard};

impl LocalHost {
    /// Whether a call is to be made. If not, its receipt gets a result that says why.
    pub(super) fn admit(&self, call: &Call, receipt: &Receipt) -> Result<bool, RunError> {
        self.caller.team.check_name(&call.agent)?;
        self.reported_waits.forget(&call.conversation);
        let limits = self.caller.team.limits();
        if limits.is_beyond(call.place) {
            let most = limits.calls_in_reply.unwrap_or_default();
            let why = format!("not run: the limit of {most} tool calls per reply is reached");
            receipt.fill(Outcome::error(why));
            return Ok(false);
        }
        if self.may_detach && self.detaches(call) {
            self.caller.emit_start(call, None);
            receipt.fill(Outcome::Detach);
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether a call gets a conversation of its own, so that it can be detached.
    fn detaches(&self, call: &Call) -> bool {
        call.detach_after(&self.caller.team).is_some() && self.backgrounds.of(&call.conversation).is_some()
    }

    /// Makes a call, and returns when it has ended or is stopped.
    pub(super) async fn make(&self, call: Arc<Call>, receipt: Receipt) {
        let spec = self.caller.team.spec(&call.agent, &call.call.name);
        let (busy, over) = match spec.is_some_and(ToolSpec::takes_turns) {
            true => Some(oneshot::channel()).unzip(),
            false => (None, None),
        };
        let begun = self.caller.begun_plans.take_guard(&call);
        let entered = begun.unwrap_or_else(|| CallGuard::of(&call, self.cancel.get()));
        let made = {
            // Pinned where it is made, because each move would make the outer future larger. It
            // ends with this block.
            let mut made = pin!(self.make_or_join(&call, &receipt, busy));
            entered.stop.or(made.as_mut()).await
        };
        if made.is_none() {
            receipt.fill(Outcome::error("cancelled"));
            self.started.abandon(&call);
        }
        if let Some(over) = over {
            // The call may have its result while its thread still runs. Calls that take turns with
            // it start after that.
            self.until_returned(&call, &receipt, over).boxed().await;
        }
    }

    /// Joins a call that began before, or makes the call.
    fn make_or_join<'a>(
        &'a self,
        call: &'a Arc<Call>,
        receipt: &Receipt,
        busy: Option<Busy>,
    ) -> impl Future<Output = ()> + 'a {
        let may_take = !call.approved && self.mode == Mode::Concurrent;
        // An approved call did not wait for its mark, but for a person.
        let is_told = !call.approved && self.caller.emitter.has_listeners();
        let late = if is_told { self.started.late(call) } else { None };
        let begun = may_take.then(|| self.started.claim(&self.caller, call, late)).flatten();
        match begun {
            // Boxed, because few calls do this.
            Some(begun) => Either::Left(begun.join(&self.caller, call, receipt.clone()).boxed()),
            None => Either::Right(self.caller.make(call, receipt.clone(), busy, late)),
        }
    }
}
