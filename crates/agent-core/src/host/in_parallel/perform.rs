//! What a host does for the work of a turn.

use std::future::{Future, pending};

use crate::{Call, Change, DelegationGuard, End, Failure, Outcome, Receipt};

/// How a host makes one call and drives one delegated conversation. With this,
/// [`in_parallel`](super::in_parallel) does all work of a turn.
pub trait Perform {
    /// The error of the host itself, which ends the run.
    type Error;

    /// Makes a tool call, and puts its result into the receipt as soon as it has ended.
    fn call(&self, call: Call, receipt: Receipt) -> impl Future<Output = Result<(), Self::Error>>;

    /// Drives a delegated conversation to its end. The outer error ends the run. The inner error is
    /// a model's, and becomes the error result of the delegating call.
    fn converse(
        &self,
        child: DelegationGuard,
    ) -> impl Future<Output = (DelegationGuard, Result<Result<End, Failure>, Self::Error>)>;

    /// Is called when the work of a conversation that still runs is not needed any more; see
    /// [`ToolTurn::has_enough`](crate::conversation::ToolTurn::has_enough). A host then stops it: calls that run or begin later get an error
    /// result. The default does nothing, so all work is done to its end.
    fn stop(&self, _conversation: &str) {}

    /// Is called with a step of a plan that begins now, if it is made for each item of a list: no
    /// tool is called for the step itself. The default does nothing.
    fn on_items(&self, _step: Call) {}

    /// Drives the conversation of a call that may be [detached](crate::Outcome::Detach), like
    /// [`converse`](Self::converse). A host that saves the results of calls does not save this one
    /// here, but in [`before_change`](Self::before_change). The default is `converse`.
    fn converse_detachable(
        &self,
        child: DelegationGuard,
    ) -> impl Future<Output = (DelegationGuard, Result<Result<End, Failure>, Self::Error>)> {
        self.converse(child)
    }

    /// Is called before a change is recorded that no call and no conversation of a turn has made:
    /// a call is detached, or has ended after that, or has done something with detached calls.
    /// `call` is that call. A host that saves changes does it here, and returns when the change is
    /// saved. The default does nothing.
    fn before_change(&self, _call: Call, _change: &Change) -> impl Future<Output = Result<(), Self::Error>> {
        async { Ok(()) }
    }

    /// Waits until a person has decided about one of the calls with these keys
    /// ([`PendingApproval::key`](crate::conversation::PendingApproval::key)). They wait in a turn
    /// that goes on. Returns one decision or more: each is the id of the conversation with the call,
    /// and [`Change::Approved`] or [`Change::Denied`]. A host that saves changes has saved them when
    /// it returns. The default waits for ever, so that decisions count from the next run on.
    fn decided(
        &self,
        _keys: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, Change)>, Self::Error>> {
        pending()
    }

    /// Is called with the id of the conversation of a detached call that is to be stopped, because
    /// the model asks for it. The default does nothing, so the call goes on.
    fn stop_detached(&self, _conversation: &str) {}

    /// Is called with the outcome of each call, after the outcome was checked against the rules and
    /// before it is recorded. A step that waits for a person has another outcome when its plan ends
    /// without it. The default does nothing.
    fn on_outcome(&self, _call: impl FnOnce() -> Call, _outcome: &Outcome) {}
}
