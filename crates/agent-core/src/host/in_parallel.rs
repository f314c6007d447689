//! Does all work of a turn in parallel, for hosts that can join any futures.

use std::{collections::VecDeque, future::Future, sync::Arc};

use futures::{FutureExt, StreamExt, future::Either, stream::FuturesUnordered};
use tokio::task::coop::consume_budget;

use crate::{
    Call, Done, End, Failure, Outcome, Receipt, ToolCall, ToolTurn, Work,
    host::delegation_guard::{DelegationGuard, Home},
};

/// How a host makes one call and drives one delegated conversation. With this, [`in_parallel`] does
/// all work of a turn.
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
    /// [`ToolTurn::has_enough`]. A host then stops it: calls that run or begin later get an error
    /// result. The default does nothing, so all work is done to its end.
    fn stop(&self, _conversation: &str) {}

    /// Is called with a step of a plan that begins now, if it is made for each item of a list: no
    /// tool is called for the step itself. The default does nothing.
    fn on_items(&self, _step: Call) {}

    /// Is called with the outcome of each call, after the outcome was checked against the rules and
    /// before it is recorded. The default does nothing.
    fn on_outcome(&self, _call: impl FnOnce() -> Call, _outcome: &Outcome) {}
}

/// Does the work of a turn in parallel, and records each result as it comes. At most `at_most`
/// pieces of work run in parallel: `usize::MAX` means all, 0 counts as 1.
///
/// If the future is dropped, finished calls are recorded, and each delegated conversation is saved
/// in its current state. No new work begins.
pub async fn in_parallel<P: Perform>(
    mut turn: ToolTurn<'_>,
    at_most: usize,
    performer: &P,
) -> Result<(), P::Error> {
    let mut queue: VecDeque<Work> = turn.take_work().into();
    // Declared before `pending`, so that it is dropped after it, when all guards have put their
    // conversations back.
    let mut open_turn = OpenTurn { turn, receipts: Vec::new(), home: Home::default() };
    let mut pending = FuturesUnordered::new();
    loop {
        open_turn.stop_if_enough(performer);
        while pending.len() < at_most.max(1) {
            let Some(work) = queue.pop_front() else { break };
            let call = work.tool_call().clone();
            pending.push(match work {
                Work::Call(work) => {
                    let (index, receipt) = open_turn.receipt(&call);
                    let called = performer.call(work, receipt.clone());
                    Either::Left(
                        called.map(move |ended| (call, ended.map(|()| Ended::of_call(index, &receipt)))),
                    )
                }
                Work::Delegate(delegation) => {
                    delegation.begins_items().into_iter().for_each(|step| performer.on_items(step));
                    let conversed = performer.converse(DelegationGuard::new(delegation, &open_turn.home));
                    Either::Right(
                        conversed.map(|(lent, end)| (call, end.map(|end| Ended::of_conversation(lent, end)))),
                    )
                }
            });
        }
        let Some((call, ended)) = pending.next().await else { return Ok(()) };
        for more in open_turn.record(&call, ended?, performer) {
            queue.insert(open_turn.place_in(&queue, &more), more);
        }
        // Yield if thousands of calls end at the same time, so that the rest of this task can run.
        consume_budget().await;
    }
}

/// How a piece of work ended. `done` is `None` if it waits for a person.
struct Ended {
    /// The index of its receipt.
    index: Option<usize>,
    done: Option<Done>,
    child: Option<DelegationGuard>,
}

impl Ended {
    fn of_call(index: usize, receipt: &Receipt) -> Self {
        Self { index: Some(index), done: Some(receipt.take_or_error()), child: None }
    }

    fn of_conversation(lent: DelegationGuard, end: Result<End, Failure>) -> Self {
        Self { index: None, done: lent.done(&end), child: Some(lent) }
    }
}

/// A turn while its work is done. When it is dropped, all finished work is recorded.
struct OpenTurn<'t> {
    turn: ToolTurn<'t>,
    /// The receipts of running calls; `None` for calls that have ended.
    receipts: Vec<Option<(Arc<ToolCall>, Receipt)>>,
    home: Home,
}

impl OpenTurn<'_> {
    /// The place for new work in the queue. In sequential mode, what a call turned into comes
    /// before the next call.
    fn place_in(&self, queue: &VecDeque<Work>, more: &Work) -> usize {
        let place = self.turn.place(more.id());
        queue.partition_point(|other| self.turn.place(other.id()) < place)
    }

    fn stop_if_enough<P: Perform>(&self, performer: &P) {
        if self.turn.has_enough() {
            performer.stop(self.turn.conversation().id());
        }
    }

    /// Makes a receipt, and returns its index.
    fn receipt(&mut self, call: &Arc<ToolCall>) -> (usize, Receipt) {
        let receipt = Receipt::default();
        self.receipts.push(Some((call.clone(), receipt.clone())));
        (self.receipts.len() - 1, receipt)
    }

    fn record<P: Perform>(&mut self, call: &Arc<ToolCall>, ended: Ended, performer: &P) -> Vec<Work> {
        let id = &call.id;
        if let Some(index) = ended.index {
            self.receipts[index] = None;
        }
        if let Some(child) = ended.child {
            self.turn.keep(id, child.give_back());
        }
        let Some(done) = ended.done else { return Vec::new() };
        let done = Done { outcome: self.turn.admit(id, done.outcome), usage: done.usage };
        performer.on_outcome(|| self.turn.call(id), &done.outcome);
        self.turn.record_admitted(id, done)
    }
}

impl Drop for OpenTurn<'_> {
    fn drop(&mut self) {
        for (call, receipt) in std::mem::take(&mut self.receipts).into_iter().flatten() {
            if let Some(done) = receipt.take() {
                self.turn.record(&call.id, done);
            }
        }
        for (call, child) in self.home.take_all() {
            self.turn.keep(&call.id, child);
        }
    }
}
