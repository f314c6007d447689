//! All the work of a turn at once, for hosts that may join any futures.

use std::{collections::VecDeque, future::Future, sync::Arc};

use futures::{FutureExt, StreamExt, future::Either, stream::FuturesUnordered};

use crate::{
    Call, Done, End, Failure, Outcome, Receipt, ToolCall, ToolTurn, Work,
    lent::{Home, Lent},
};

/// How a host does single pieces of work, for [`at_once`] to put together.
pub trait Perform {
    /// What can go wrong with the host itself.
    type Error;

    /// Makes a tool call, and leaves its result in the receipt as soon as it has ended.
    fn call(&self, call: Call, receipt: Receipt) -> impl Future<Output = Result<(), Self::Error>>;

    /// Drives a delegated conversation to its end. The inner error is a model's, and becomes the error
    /// result of the call that led here.
    fn converse(
        &self,
        child: Lent,
    ) -> impl Future<Output = (Lent, Result<Result<End, Failure>, Self::Error>)>;

    /// Is told what became of a call, by the rules it is under.
    fn tell(&self, _call: impl FnOnce() -> Call, _outcome: &Outcome) {}
}

/// Does the work of a turn, `at_most` pieces at a time (`usize::MAX`: all at once; at least one), and
/// records each as it ends.
///
/// When the future is dropped, what has ended by then is recorded, and each delegated conversation is
/// kept as far as it has come. Nothing is polled for that, so nothing new begins.
pub async fn at_once<P: Perform>(
    mut turn: ToolTurn<'_>,
    at_most: usize,
    performer: &P,
) -> Result<(), P::Error> {
    let mut queue: VecDeque<Work> = turn.take_work().into();
    // Before `pending`, so that it is dropped after it, when all that was lent has come back.
    let mut desk = Desk { turn, receipts: Vec::new(), home: Home::default() };
    let mut pending = FuturesUnordered::new();
    loop {
        while pending.len() < at_most.max(1) {
            let Some(work) = queue.pop_front() else { break };
            let call = work.tool_call().clone();
            pending.push(match work {
                Work::Call(work) => {
                    let receipt = desk.receipt(&call);
                    let called = performer.call(work, receipt.clone());
                    Either::Left(called.map(move |ended| (call, ended.map(|()| Ended::of_call(&receipt)))))
                }
                Work::Delegate(delegation) => {
                    let conversed = performer.converse(Lent::new(delegation, &desk.home));
                    let ended = |(lent, end): (Lent, Result<_, _>)| {
                        (call, end.map(|end| Ended::of_conversation(lent, end)))
                    };
                    Either::Right(conversed.map(ended))
                }
            });
        }
        let Some((call, ended)) = pending.next().await else { return Ok(()) };
        if let Some(more) = desk.record(&call, ended?, performer) {
            // What a call turned into comes before the next call, if they go one by one.
            let place = desk.turn.place(more.id());
            let at = queue.partition_point(|other| desk.turn.place(other.id()) < place);
            queue.insert(at, more);
        }
    }
}

/// How a piece of work ended: `done` is absent if it waits for a person.
struct Ended {
    done: Option<Done>,
    child: Option<Lent>,
}

impl Ended {
    fn of_call(receipt: &Receipt) -> Self {
        Self { done: Some(receipt.take_or_error()), child: None }
    }

    fn of_conversation(lent: Lent, end: Result<End, Failure>) -> Self {
        Self { done: lent.done(&end), child: Some(lent) }
    }
}

/// The turn while its work is under way. Dropping it loses nothing that has ended.
struct Desk<'t> {
    turn: ToolTurn<'t>,
    /// Of the calls under way.
    receipts: Vec<(Arc<ToolCall>, Receipt)>,
    home: Home,
}

impl Desk<'_> {
    fn receipt(&mut self, call: &Arc<ToolCall>) -> Receipt {
        let receipt = Receipt::default();
        self.receipts.push((call.clone(), receipt.clone()));
        receipt
    }

    fn record<P: Perform>(&mut self, call: &Arc<ToolCall>, ended: Ended, performer: &P) -> Option<Work> {
        let id = &call.id;
        self.receipts.retain(|(other, _)| !Arc::ptr_eq(other, call));
        if let Some(child) = ended.child {
            self.turn.keep(id, child.give_back());
        }
        let done = ended.done?;
        let done = Done { outcome: self.turn.admit(id, done.outcome), usage: done.usage };
        performer.tell(|| self.turn.call(id), &done.outcome);
        self.turn.record(id, done)
    }
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        for (call, receipt) in std::mem::take(&mut self.receipts) {
            if let Some(done) = receipt.take() {
                self.turn.record(&call.id, done);
            }
        }
        for (call, child) in self.home.take_all() {
            self.turn.keep(&call.id, child);
        }
    }
}
