//! The part of a turn that is about detached calls.

use std::{sync::Arc, time::Duration};

use futures::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Either, select},
};
use tokio::time::sleep;

use super::{Asked, Ended, Event, OpenTurn, Perform};
use crate::{
    Change, Conversation, Done, Outcome, ToolCall, Work,
    conversation::ControlTask,
    host::background::{Background, EndedCall},
};

/// How work was begun.
pub(super) enum Beside<'b, E> {
    /// It was not: it is ordinary work.
    No,
    /// Its turn waits for this.
    Begun(BoxFuture<'b, Event<E>>),
    /// It goes on without its turn.
    Goes,
}

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
    /// Begins work that is, or may be, detached.
    pub(super) fn begin_beside<'b, E: 'b>(
        &self,
        work: &Work,
        background: Option<&'b Background>,
    ) -> Beside<'b, E> {
        let (Work::Delegate(delegation), Some(background)) = (work, background) else { return Beside::No };
        if !delegation.is_detachable() {
            return Beside::No;
        }
        let call = delegation.call.clone();
        background.start(delegation.clone());
        if self.turn.conversation().is_detached(&call.id) {
            return Beside::Goes;
        }
        let after = delegation.as_call().detach_after(self.turn.rules()).unwrap_or(Duration::MAX);
        let ended = ended_or_late(background, call.clone(), after);
        Beside::Begun(ended.map(|ended| (call, Ok(Ended::Beside(ended)))).boxed())
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
    pub(super) fn tells(&self, call: &ToolCall, ended: &Ended) -> bool {
        match ended {
            Ended::Beside(EndedBeside::Cancelled) => true,
            Ended::Beside(EndedBeside::Call(ended)) => {
                self.turn.conversation().is_detached(&call.id) && ended.child.done(&ended.end).is_some()
            }
            _ => false,
        }
    }

    pub(super) async fn record_beside<P: Perform>(
        &mut self,
        id: &str,
        ended: EndedBeside,
        performer: &P,
    ) -> Result<Vec<Work>, P::Error> {
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
                // It waits for a person.
                let Some(done) = done else { return Ok(Vec::new()) };
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
