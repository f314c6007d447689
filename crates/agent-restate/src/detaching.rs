//! Detached calls: how they begin, and what becomes of them when the run ends.

use std::time::Duration;

use agent_core::{
    Conversation, Outcome,
    conversation::{Call, Change, Control, ControlTask, ToolTurn, Work},
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
    /// Gives calls that may be detached their own conversations. Returns the work that is to be
    /// started.
    pub(crate) fn begin_beside(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &RunningWork<'ctx>,
        work: Vec<Work>,
    ) -> Vec<Work> {
        let mut rest = Vec::new();
        for work in work {
            let Work::Call(call) = &work else {
                // A detached call may go on since an earlier turn.
                rest.extend((!running.is_running(work.id())).then_some(work));
                continue;
            };
            match call.detach_after(self.rules()) {
                Some(_) => rest.extend(turn.record(work.id(), Outcome::Detach.into())),
                None => rest.push(work),
            }
        }
        rest
    }

    /// Does what a call asks to do with detached calls.
    pub(crate) async fn carry_out(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
        call: Call,
        control: Control,
    ) -> (Result<(), TerminalError>, Vec<Work>) {
        let outcome = match turn.control(control, &call.call.id) {
            ControlTask::Done(outcome) => outcome,
            ControlTask::Stop { calls } => {
                calls.iter().for_each(|call| running.stop_call(call));
                Conversation::stopping(&calls)
            }
            ControlTask::Wait { calls, limit } => {
                running.start_wait(self.ctx, call, calls, limit);
                return (Ok(()), Vec::new());
            }
            task => Outcome::error(format!("this host can't do that: {task:?}")),
        };
        self.record_control(turn, call, outcome).await
    }

    /// Records the detached calls that have ended since the last turn. Returns the work of the turn,
    /// and that of detached calls that do not run, because they are from an earlier run.
    pub(crate) async fn look(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
    ) -> (Result<(), TerminalError>, Vec<Work>) {
        let mut result = Ok(());
        if running.has_detached() {
            running.look(self.ctx);
            loop {
                match running.next(self.scope(turn.conversation()), false).await {
                    Ok(Some(Next::Looked) | None) => break,
                    Ok(Some(next)) => result = self.hear(turn, running, next).await.0.and(result),
                    Err(cancelled) => result = Err(cancelled),
                }
            }
        }
        let mut more = turn.take_work();
        more.retain(|work| turn.conversation().is_open(work.id()));
        let left = turn.conversation().detached_work().map(Work::Delegate);
        let left: Vec<Work> = left.filter(|work| more.iter().all(|other| other.id() != work.id())).collect();
        more.extend(left);
        (result, more)
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
        FinishedWork { call, child, done, .. }: FinishedWork,
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
