//! Does all work of a turn in parallel, for hosts that can join any futures.

mod beside;
mod perform;
mod waiting;

use std::{collections::VecDeque, future::Future, sync::Arc};

use beside::EndedBeside;
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either},
    stream::FuturesUnordered,
};
pub use perform::Perform;
use tokio::task::coop::consume_budget;
use waiting::WaitingCalls;

use crate::{
    Call, Done, Outcome, Receipt, ToolCall, ToolTurn, Work,
    conversation::Control,
    host::{
        background::Background,
        delegation_guard::{DelegationGuard, Home},
    },
};

/// Does the work of a turn in parallel, and records each result as it comes. At most `at_most`
/// pieces of work run in parallel: `usize::MAX` means all, 0 counts as 1.
///
/// If the future is dropped, finished calls are recorded, and each delegated conversation is saved
/// in its current state. No new work begins.
pub async fn in_parallel<P: Perform>(
    turn: ToolTurn<'_>,
    at_most: usize,
    performer: &P,
) -> Result<(), P::Error> {
    in_parallel_beside(turn, at_most, performer, None).await
}

/// Like [`in_parallel`], with the detached calls of the conversation. Their results are recorded as
/// they come. If nothing else is to be done, it waits for one of them.
pub(crate) async fn in_parallel_beside<P: Perform>(
    turn: ToolTurn<'_>,
    at_most: usize,
    performer: &P,
    background: Option<&Background>,
) -> Result<(), P::Error> {
    let (mut open, mut queue, resting) = OpenTurn::of(turn);
    let mut waiting = WaitingCalls::new(resting, background, |keys| performer.decided(keys));
    let mut pending = FuturesUnordered::new();
    loop {
        open.stop_if_enough(performer);
        while let Some(work) = (pending.len() < at_most.max(1)).then(|| queue.pop_front()).flatten() {
            pending.extend(open.start(work, performer, background));
        }
        let next = match background {
            None if waiting.is_empty() => Either::Left(pending.next().await),
            _ => Box::pin(open.next_or_decided(&mut pending, background, &mut waiting)).await,
        };
        let more = match next {
            Either::Right(decisions) => open.decide(decisions?, &mut waiting, performer),
            Either::Left(None) => return Ok(()),
            Either::Left(Some((call, ended))) => match ended? {
                Ended::Asks(asked) => {
                    pending.push(Either::Right(open.carry_out(call, asked, performer, background)));
                    Vec::new()
                }
                Ended::Beside(ended) => {
                    Box::pin(open.record_beside(&call, ended, &mut waiting, performer)).await?
                }
                ended => open.record(&call, ended, &mut waiting, performer),
            },
        };
        open.add_to(&mut queue, more);
        // Yield if thousands of calls end at the same time, so that the rest of this task can run.
        consume_budget().await;
    }
}

/// How a piece of work ended.
enum Ended {
    /// A call, with the index of its receipt.
    Call(usize, Done),
    /// A call that asks its host to do something.
    Asks(Asked),
    /// A delegated conversation. It has no result if it waits for a person.
    Conversation(DelegationGuard, Option<Done>),
    Beside(EndedBeside),
}

/// What a call asks its host to do, and the index of its receipt.
struct Asked {
    index: usize,
    control: Control,
    done: Done,
}

impl Ended {
    fn of_call(index: usize, done: Done) -> Self {
        match done.outcome {
            Outcome::Control(control) => Self::Asks(Asked { index, control, done }),
            _ => Self::Call(index, done),
        }
    }
}

/// A piece of work and how it ended.
type Event<E> = (Arc<ToolCall>, Result<Ended, E>);

/// A turn while its work is done. When it is dropped, all finished work is recorded.
struct OpenTurn<'t> {
    turn: ToolTurn<'t>,
    /// Whether it waits for a detached call, although nothing else is left to do.
    waits: bool,
    /// The receipts of running calls; `None` for calls that have ended.
    receipts: Vec<Option<(Arc<ToolCall>, Receipt)>>,
    home: Home,
}

impl<'t> OpenTurn<'t> {
    /// The turn, the work that may start now, and the calls that wait and are none of it. The turn is
    /// to be declared before the futures of its work, so that it is dropped after them, when all guards
    /// have put their conversations back.
    fn of(mut turn: ToolTurn<'t>) -> (Self, VecDeque<Work>, Vec<Arc<ToolCall>>) {
        let (waits, resting) = (turn.is_for_detached(), turn.resting());
        let work = turn.take_work().into();
        (Self { turn, waits, receipts: Vec::new(), home: Home::default() }, work, resting)
    }

    /// Adds new work to the queue, in call order. In sequential mode, what a call turned into comes
    /// before the next call.
    fn add_to(&self, queue: &mut VecDeque<Work>, more: Vec<Work>) {
        // Detached calls are none of the reply.
        let is_detached = |work: &Work| self.turn.conversation().is_detached(work.id());
        let place = |work: &Work| (!is_detached(work)).then(|| self.turn.place(work.id()));
        for work in more {
            let at = match place(&work) {
                Some(own) => queue.partition_point(|other| place(other).is_some_and(|other| other < own)),
                None => queue.len(),
            };
            queue.insert(at, work);
        }
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

    /// Begins work. Returns what the turn waits for; see [`begin_beside`](Self::begin_beside). This is
    /// no part of the loop, because what a function needs while it polls is needed once for each level
    /// of delegation.
    #[expect(clippy::type_complexity, reason = "one of the two futures has no name")]
    fn start<'p, P: Perform>(
        &mut self,
        work: Work,
        performer: &'p P,
        background: Option<&'p Background>,
    ) -> Option<Either<impl Future<Output = Event<P::Error>> + use<'p, P>, BoxFuture<'p, Event<P::Error>>>>
    where
        P::Error: 'p,
    {
        match self.begin_beside(work, background) {
            Ok(begun) => begun.map(Either::Right),
            Err(work) => Some(Either::Left(self.begin(work, performer))),
        }
    }

    fn begin<'p, P: Perform>(
        &mut self,
        work: Work,
        performer: &'p P,
    ) -> impl Future<Output = Event<P::Error>> + use<'p, P> {
        let call = work.tool_call().clone();
        match work {
            Work::Call(work) => {
                let (index, receipt) = self.receipt(&call);
                let called = performer.call(work, receipt.clone());
                Either::Left(
                    called.map(move |ended| {
                        (call, ended.map(|()| Ended::of_call(index, receipt.take_or_error())))
                    }),
                )
            }
            Work::Delegate(delegation) => {
                delegation.begins_items().into_iter().for_each(|step| performer.on_items(step));
                let conversed = performer.converse(DelegationGuard::new(delegation, &self.home));
                Either::Right(conversed.map(|(child, end)| {
                    let ended = end.map(|end| {
                        let done = child.done(&end);
                        Ended::Conversation(child, done)
                    });
                    (call, ended)
                }))
            }
        }
    }

    /// Records how a call or a delegated conversation has ended. Returns the work that may start now.
    fn record<P: Perform, D, F: Future>(
        &mut self,
        call: &Arc<ToolCall>,
        ended: Ended,
        waiting: &mut WaitingCalls<D, F>,
        performer: &P,
    ) -> Vec<Work> {
        let id = &call.id;
        let done = match ended {
            Ended::Call(index, done) => {
                self.receipts[index] = None;
                Some(done)
            }
            Ended::Conversation(child, done) => {
                self.turn.keep(id, child.give_back());
                done
            }
            Ended::Asks(_) | Ended::Beside(_) => unreachable!("they are recorded in other ways"),
        };
        let may_wait = done.as_ref().is_none_or(|done| matches!(done.outcome, Outcome::Wait { .. }));
        let more = done.map_or_else(Vec::new, |done| {
            let done = self.admit(id, done, performer);
            self.record_admitted(id, done, performer)
        });
        if may_wait {
            self.add_waiting(call, waiting);
        }
        more
    }

    /// Records an outcome. Steps that wait for a person may not be needed any more then, because the
    /// plan has enough. That is their outcome.
    fn record_admitted<P: Perform>(&mut self, id: &str, done: Done, performer: &P) -> Vec<Work> {
        let mut waiting = self.turn.waiting_steps();
        waiting.extend(matches!(done.outcome, Outcome::Wait { .. }).then(|| self.turn.call_of(id)));
        let more = self.turn.record_admitted(id, done);
        self.tell_unneeded(waiting, performer);
        more
    }

    /// Tells the outcome of those of these steps that do not wait any more.
    fn tell_unneeded<P: Perform>(&self, waiting: Vec<Call>, performer: &P) {
        for call in waiting.into_iter().filter(|call| !self.turn.is_waiting(&call.call.id)) {
            performer.on_outcome(|| call, &Outcome::error("not needed: the plan had ended"));
        }
    }

    fn admit<P: Perform>(&self, id: &str, done: Done, performer: &P) -> Done {
        let done = Done { outcome: self.turn.admit(id, done.outcome), usage: done.usage };
        performer.on_outcome(|| self.turn.call_of(id), &done.outcome);
        done
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
