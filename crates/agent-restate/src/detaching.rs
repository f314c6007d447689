//! Detached calls: how they begin, and what becomes of them when the run ends.

use std::time::Duration;

use agent_core::{
    Conversation, Outcome,
    conversation::{Call, Change, Control, ToolTurn, Work},
    host::Host,
    tool::Done,
};
use restate_sdk::errors::TerminalError;

use crate::{
    engine::{Engine, stopped_call},
    running_work::{FinishedWork, Next, RunningWork},
    step::session_step,
};

impl<'ctx> Engine<'_, 'ctx> {
    /// Begins what needs no call of a tool here: calls that may be detached get their own
    /// conversations, and calls about detached calls are carried out. Returns all other work.
    pub(crate) async fn begin_beside(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
        work: Vec<Work>,
    ) -> (Vec<Work>, Result<(), TerminalError>) {
        let (mut rest, mut result) = (Vec::new(), Ok(()));
        for work in work {
            let Work::Call(call) = &work else {
                // A detached call goes on since an earlier turn.
                rest.extend((!running.is_running(work.id())).then_some(work));
                continue;
            };
            if call.detach_after(self.rules()).is_some() {
                rest.extend(turn.record(work.id(), Outcome::Detach.into()));
            } else if let Some(control) = turn.control(call) {
                let call = call.clone();
                let process = self.process.clone();
                let started = call.clone();
                let tell = async move { process.tell_control(started).await };
                result = session_step(self.ctx, "tell the call", tell).await.and(result);
                result = self.carry_out(turn, running, call, control).await.and(result);
            } else {
                rest.push(work);
            }
        }
        (rest, result)
    }

    /// Does what a call asks to do with detached calls.
    async fn carry_out(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
        call: Call,
        control: Result<Control, Outcome>,
    ) -> Result<(), TerminalError> {
        let outcome = match control {
            Err(outcome) => outcome,
            Ok(Control::Check) => turn.conversation().check_detached(),
            Ok(Control::Stop { calls }) => {
                calls.iter().for_each(|call| running.stop_call(call));
                Conversation::stopping(&calls)
            }
            Ok(Control::Wait { calls, limit }) => {
                running.start_wait(self.ctx, call, calls, limit);
                return Ok(());
            }
        };
        self.record_control(turn, call, outcome).await.0
    }

    pub(crate) async fn record_control(
        &self,
        turn: &mut ToolTurn<'_>,
        call: Call,
        outcome: Outcome,
    ) -> (Result<(), TerminalError>, Vec<Work>) {
        let id = call.call.id.clone();
        let outcome = turn.admit(&id, outcome);
        let told = self.tell_outcome(call, outcome.clone()).await;
        (told, turn.record(&id, outcome.into()))
    }

    /// After which time this work is detached, if it may be.
    pub(crate) fn detaches(&self, work: &Work) -> Option<Duration> {
        match work {
            Work::Delegate(delegation) if delegation.is_detachable() => {
                delegation.as_call().detach_after(self.rules())
            }
            _ => None,
        }
    }

    /// Detaches work that has just begun after this time.
    pub(crate) async fn detach_after(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
        id: &str,
        after: Duration,
    ) -> Result<(), TerminalError> {
        if turn.conversation().is_detached(id) {
            running.detach(id);
            return Ok(());
        }
        if !after.is_zero() {
            running.detach_after(self.ctx, id, after);
            return Ok(());
        }
        let (told, next) = self.detach(turn, running, id).await;
        debug_assert!(next.is_empty(), "what takes turns with it begins later");
        told
    }

    pub(crate) async fn detach(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
        id: &str,
    ) -> (Result<(), TerminalError>, Vec<Work>) {
        let (process, call) = (self.process.clone(), turn.call_of(id));
        let tell = async move { process.tell_detached(call).await };
        let told = session_step(self.ctx, "tell that it is detached", tell).await;
        running.detach(id);
        (told, turn.detach(id))
    }

    /// The run ends. Detached calls end first, so that nothing of them is lost. If the run was
    /// cancelled, they are stopped.
    pub(crate) async fn end_detached(
        &self,
        conversation: &mut Conversation,
        is_cancelled: bool,
    ) -> Result<(), TerminalError> {
        let mut running = self.running.lock().await;
        let mut result = Ok(());
        if is_cancelled {
            running.stop_all();
        }
        while running.has_detached() {
            match running.next(self.scope(conversation), true).await {
                Ok(Some(Next::Finished(finished))) => {
                    result = self.record_late(conversation, finished).await.and(result);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(cancelled) => {
                    running.stop_all();
                    result = Err(cancelled);
                }
            }
        }
        result
    }

    /// Records a detached call that has ended after the last turn of the run.
    async fn record_late(
        &self,
        conversation: &mut Conversation,
        FinishedWork { call, child, done }: FinishedWork,
    ) -> Result<(), TerminalError> {
        child.iter().for_each(|child| self.children.ended(child));
        let Done { outcome, usage } = done.unwrap_or_else(stopped_call);
        let (id, outcome) = (conversation.id().to_owned(), conversation.admit(outcome, self.rules()));
        let told = self.tell_outcome(call.clone(), outcome.clone()).await;
        let recorded = Change::Recorded { call: call.call.id.clone(), done: Done { outcome, usage } };
        let applied = conversation.apply(&id, recorded);
        debug_assert_eq!(applied, Ok(()), "a detached call has no result yet");
        told
    }
}
