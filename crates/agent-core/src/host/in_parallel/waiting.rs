//! The part of a turn that is about calls that wait for a person.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
};

use futures::{
    Stream,
    future::{Either, select},
};

use super::{Event, OpenTurn, Perform};
use crate::{Change, Outcome, ToolCall, ToolTurn, Work, host::background::Background};

/// The calls of a turn that wait for a person, and on which nobody works.
pub(super) struct WaitingCalls<D, F> {
    calls: Vec<Arc<ToolCall>>,
    /// Begins to wait for a decision about calls with these keys.
    decide: D,
    /// What waits for a decision about them. `None` before it has begun.
    decided: Option<Pin<Box<F>>>,
}

impl<D, F: Future> WaitingCalls<D, F> {
    /// `resting` are the calls that wait when the turn begins, and are none of its work.
    pub(super) fn new(mut resting: Vec<Arc<ToolCall>>, background: Option<&Background>, decide: D) -> Self
    where
        D: Fn(Vec<String>) -> F,
    {
        resting.retain(|call| background.is_none_or(|background| !background.has(&call.id)));
        Self { calls: resting, decide, decided: None }
    }

    /// This call waits now, or something in its conversation.
    pub(super) fn add(&mut self, call: &Arc<ToolCall>) {
        self.calls.push(call.clone());
        self.decided = None;
    }

    /// Forgets the calls that wait no more, after decisions.
    fn tidy(&mut self, turn: &ToolTurn<'_>) {
        self.calls.retain(|call| turn.rests(&call.id));
        self.decided = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// What comes next in the turn, unless a person decides before that.
    async fn decided_before<N>(
        &mut self,
        next: impl Future<Output = N>,
        turn: &ToolTurn<'_>,
    ) -> Either<N, F::Output>
    where
        D: Fn(Vec<String>) -> F,
    {
        if self.decided.is_none() {
            let waiting = self.calls.iter().flat_map(|call| turn.waiting_in(&call.id));
            let keys: Vec<String> = waiting.map(|waiting| waiting.key).collect();
            self.decided = (!keys.is_empty()).then(|| Box::pin((self.decide)(keys)));
        }
        let Some(decided) = &mut self.decided else { return Either::Left(next.await) };
        match select(pin!(next), decided).await {
            Either::Left((next, _)) => Either::Left(next),
            Either::Right((decided, _)) => {
                self.decided = None;
                Either::Right(decided)
            }
        }
    }
}

impl OpenTurn<'_> {
    /// Adds this call, if it waits.
    pub(super) fn add_waiting<D, F: Future>(&self, call: &Arc<ToolCall>, waiting: &mut WaitingCalls<D, F>) {
        if self.turn.rests(&call.id) {
            waiting.add(call);
        }
    }

    /// What ends next, in the turn or in the background, or what a person decides before that. The
    /// caller boxes it, because few turns need it.
    pub(super) async fn next_or_decided<E, D: Fn(Vec<String>) -> F, F: Future>(
        &self,
        pending: impl Stream<Item = Event<E>> + Unpin,
        background: Option<&Background>,
        waiting: &mut WaitingCalls<D, F>,
    ) -> Either<Option<Event<E>>, F::Output> {
        waiting.decided_before(self.next(pending, background), &self.turn).await
    }

    /// Records decisions of people. Returns the work that may start now. A decision changes nothing if
    /// its call does not wait any more, for example because its plan has ended.
    pub(super) fn decide<P: Perform, D, F: Future>(
        &mut self,
        decisions: Vec<(String, Change)>,
        waiting: &mut WaitingCalls<D, F>,
        performer: &P,
    ) -> Vec<Work> {
        for (id, decision) in decisions {
            let decided = self.turn.decided_calls(&id, &decision);
            let (mut steps, outcome) = (self.turn.waiting_steps(), outcome_of(&decision));
            let (Ok(()), Some((own, call))) = (self.turn.decide(&id, decision), decided) else { continue };
            self.waits &= self.turn.conversation().is_detached(&own);
            steps.retain(|step| *step.call != *call.call);
            if let Some(outcome) = outcome {
                performer.on_outcome(|| call, &outcome);
            }
            self.tell_unneeded(steps, performer);
        }
        waiting.tidy(&self.turn);
        self.turn.take_work()
    }
}

/// The outcome of a call that was denied. An approved call has none yet.
fn outcome_of(decision: &Change) -> Option<Outcome> {
    match decision {
        Change::Denied { reason, .. } => Some(Outcome::denied(reason)),
        _ => None,
    }
}
