//! The part of a turn that is about detached calls.

use std::{future::Future, sync::Arc, time::Duration};

use futures::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Either, select},
};
use tokio::time::sleep;

use super::{Asked, Ended, Event, OpenTurn, Perform, WaitingCalls};
use crate::{
    Change, Conversation, Done, Outcome, ToolCall, Work,
    conversation::ControlTask,
    host::background::{Background, EndedCall},
};

/// What has happened to a call that is, or may be, detached, or to one about such calls.
pub(super) enum EndedBeside {
    Call(EndedCall),
    /// It takes so long that it is detached.
    Late,
    Control(Outcome),
    /// It was stopped before it began, or while it waited for a person.
    Cancelled,
}

impl OpenTurn<'_> {
    /// Begins work that is, or may be, detached. Returns what its turn waits for: nothing if it goes on
    /// without the turn. Other work is given back.
    pub(super) fn begin_beside<'b, E: 'b>(
        &self,
        work: Work,
        background: Option<&'b Background>,
    ) -> Result<Option<BoxFuture<'b, Event<E>>>, Work> {
        let (delegation, background) = match (work, background) {
            (Work::Delegate(delegation), Some(background)) if delegation.is_detachable() => {
                (delegation, background)
            }
            (work, _) => return Err(work),
        };
        let (call, after) = (delegation.call.clone(), delegation.as_call().detach_after(self.turn.rules()));
        background.start(delegation);
        if self.turn.conversation().is_detached(&call.id) {
            return Ok(None);
        }
        let ended = ended_or_late(background, call.clone(), after.unwrap_or(Duration::MAX));
        Ok(Some(ended.map(|ended| (call, Ok(Ended::Beside(ended)))).boxed()))
    }

    /// Does what a call asks to do with detached calls. What the call itself has used is recorded at
    /// once.
    pub(super) fn carry_out<'b, P: Perform>(
        &mut self,
        call: Arc<ToolCall>,
        Asked { index, control, done }: Asked,
        performer: &P,
        background: Option<&'b Background>,
    ) -> BoxFuture<'b, Event<P::Error>>
    where
        P::Error: 'b,
    {
        self.receipts[index] = None;
        self.turn.record_admitted(&call.id, done);
        let outcome = match (self.turn.control(control, &call.id), background) {
            (ControlTask::Done(outcome), _) => outcome,
            (ControlTask::Stop { calls }, _) => {
                let id = self.turn.conversation().id();
                let goes_on = |call: &&String| background.is_none_or(|background| !background.stop(call));
                calls
                    .iter()
                    .filter(goes_on)
                    .for_each(|call| performer.stop_detached(&format!("{id}/{call}")));
                Conversation::stopping(&calls)
            }
            (ControlTask::Wait { calls, limit }, Some(background)) => {
                let waited = async move {
                    let over = tokio::time::timeout(limit, background.any_over(&calls)).await;
                    Conversation::waited_for(&over.unwrap_or_default(), &background.waiting(&calls))
                };
                let ended = waited.map(|outcome| Ok(Ended::Beside(EndedBeside::Control(outcome))));
                return ended.map(|ended| (call, ended)).boxed();
            }
            // They go on in a turn of their own.
            (ControlTask::Wait { .. }, None) => Conversation::waited_for(&[], &[]),
        };
        async { outcome }.map(|outcome| (call, Ok(Ended::Beside(EndedBeside::Control(outcome))))).boxed()
    }

    /// What ends next, in the turn or in the background.
    pub(super) async fn next<E>(
        &self,
        mut pending: impl Stream<Item = Event<E>> + Unpin,
        background: Option<&Background>,
    ) -> Option<Event<E>> {
        match background {
            None => pending.next().await,
            Some(background) => self.next_beside(pending, background).await,
        }
    }

    async fn next_beside<E>(
        &self,
        mut pending: impl Stream<Item = Event<E>> + Unpin,
        background: &Background,
    ) -> Option<Event<E>> {
        let is_detached = |call: &str| self.turn.conversation().is_detached(call);
        let ended = |ended: EndedCall| {
            let call = self.turn.conversation().detached_call(&ended.call).cloned();
            (call.expect("it is detached"), Ok(Ended::Beside(EndedBeside::Call(ended))))
        };
        if let Some(call) = background.take_cancelled() {
            let call = self.turn.conversation().detached_call(&call).cloned();
            return call.map(|call| (call, Ok(Ended::Beside(EndedBeside::Cancelled))));
        }
        if let Some(now) = background.take_ended(is_detached) {
            return Some(ended(now));
        }
        let told = Box::pin(background.ended(is_detached));
        match select(pending.next(), told).await {
            Either::Left((Some(event), _)) => Some(event),
            Either::Left((None, told)) if self.waits && background.has_work() => Some(ended(told.await)),
            Either::Left((None, _)) => None,
            Either::Right((told, _)) => Some(ended(told)),
        }
    }

    /// Whether a detached call gets its result with this.
    fn tells(&self, call: &ToolCall, ended: &EndedBeside) -> bool {
        match ended {
            EndedBeside::Cancelled => true,
            EndedBeside::Call(ended) => {
                self.turn.conversation().is_detached(&call.id) && ended.child.done(&ended.end).is_some()
            }
            EndedBeside::Late | EndedBeside::Control(_) => false,
        }
    }

    /// Records what has happened to a call that is, or may be, detached. The caller boxes it, because
    /// few calls are.
    pub(super) async fn record_beside<P: Perform, D, F: Future>(
        &mut self,
        call: &Arc<ToolCall>,
        ended: EndedBeside,
        waiting: &mut WaitingCalls<D, F>,
        performer: &P,
    ) -> Result<Vec<Work>, P::Error> {
        self.waits &= !self.tells(call, &ended);
        let id = &call.id;
        let done = match ended {
            EndedBeside::Late => {
                let change = Change::Detached { call: id.to_owned() };
                performer.before_change(self.turn.call_of(id), &change).await?;
                return Ok(self.turn.detach(id));
            }
            EndedBeside::Control(outcome) => Done::from(outcome),
            EndedBeside::Cancelled => Outcome::error("cancelled").into(),
            EndedBeside::Call(EndedCall { child, end, .. }) => {
                let done = child.done(&end);
                self.turn.keep(id, child.give_back());
                let Some(done) = done else {
                    self.add_waiting(call, waiting);
                    return Ok(Vec::new());
                };
                done
            }
        };
        let done = self.admit(id, done, performer);
        let change = Change::Recorded { call: id.to_owned(), done: done.clone() };
        performer.before_change(self.turn.call_of(id), &change).await?;
        Ok(self.turn.record_admitted(id, done))
    }
}

/// Waits for the end of a call, and at most for this time. Without any time, the call is detached
/// even if it has ended, so that the same always happens.
async fn ended_or_late(background: &Background, call: Arc<ToolCall>, after: Duration) -> EndedBeside {
    if after.is_zero() {
        return EndedBeside::Late;
    }
    let ended = Box::pin(background.ended(|ended| ended == call.id));
    match select(ended, Box::pin(sleep(after))).await {
        Either::Left((ended, _)) => EndedBeside::Call(ended),
        Either::Right(_) => EndedBeside::Late,
    }
}
