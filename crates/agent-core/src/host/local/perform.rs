//! How this host makes calls, and drives and stops delegated conversations.

use std::{
    future::{Future, pending, ready},
    sync::Arc,
};

use futures::{FutureExt, future::Either};

use super::{LocalHost, running_call::is_final};
use crate::{
    Call, Change, DelegationGuard, End, EventKind, Failure, Outcome, Perform, Receipt, RunError,
    event::emitter::Origin,
};

impl Perform for LocalHost {
    type Error = RunError;

    fn call(&self, call: Call, receipt: Receipt) -> impl Future<Output = Result<(), RunError>> {
        // The call is boxed from the start, because moving a future moves all that it may ever
        // hold.
        match self.admit(&call, &receipt) {
            Ok(true) => Either::Left(self.make(Arc::new(call), receipt).map(Ok)),
            Ok(false) => Either::Right(ready(Ok(()))),
            Err(error) => Either::Right(ready(Err(error))),
        }
    }

    async fn converse(
        &self,
        mut child: DelegationGuard,
    ) -> (DelegationGuard, Result<Result<End, Failure>, RunError>) {
        let end = self.time_for(&child).hold(self.run(&mut child)).await;
        (child, end.map_or_else(RunError::of_delegated, |end| Ok(Ok(end))))
    }

    fn stop(&self, conversation: &str) {
        if let Some(tokens) = self.cancel.get() {
            tokens.end_plan(conversation);
        }
    }

    fn on_items(&self, step: Call) {
        if !self.caller.begun_plans.take_items(&step) {
            self.tell_items(&step);
        }
    }

    async fn before_change(&self, call: Call, change: &Change) -> Result<(), RunError> {
        if let Change::Detached { .. } = change {
            self.caller.emitter.emit(Origin::of(&call), || EventKind::call_detached(&call.call));
        }
        Ok(())
    }

    async fn decided(&self, keys: Vec<String>) -> Result<Vec<(String, Change)>, RunError> {
        match &self.decisions {
            Some(decisions) => Ok(decisions.decided(&keys).await),
            None => pending().await,
        }
    }

    fn stop_detached(&self, conversation: &str) {
        if let Some(tokens) = self.cancel.get() {
            tokens.stop_delegated(conversation);
        }
    }

    fn on_outcome(&self, call: impl FnOnce() -> Call, outcome: &Outcome) {
        // What a call asks its host to do is told when that is done.
        let is_told = self.caller.emitter.has_listeners() && !matches!(outcome, Outcome::Control(_));
        let refuses_plan = self.may_refuse_plan(outcome);
        let changes_waiting = self.changes_waiting(outcome);
        if !is_told && !refuses_plan && !changes_waiting {
            return;
        }
        let call = call();
        // Before its event, whose listeners may decide at once.
        if changes_waiting {
            self.note_waiting(&call, outcome);
        }
        if refuses_plan {
            self.discard_refused_plan(&call);
        }
        if is_told && (!is_final(outcome) || self.started.claims_end_event(&call)) {
            self.caller.emitter.emit(Origin::of(&call), || EventKind::of_outcome(&call, outcome));
        }
    }
}
