//! Calls that wait for a person, while their run goes on and when nothing else is left to do.

use agent_core::{
    Conversation, Outcome,
    conversation::{PendingApproval, ToolTurn, Work},
};
use restate_sdk::{
    context::{ContextClient, ContextReadState, ContextWriteState, RequestTarget, SharedObjectContext},
    errors::TerminalError,
    serde::Json,
};

use crate::{
    children::CHILDREN,
    decision::Verdict,
    engine::Engine,
    names::SESSION,
    running_work::{Decided, RunningWork},
    waits::PAUSED,
};

impl<'ctx> Engine<'_, 'ctx> {
    /// The calls of this conversation that wait can be decided from now on. Those of delegated
    /// conversations are for the handlers that drive these.
    pub(crate) fn wait_for_people(&self, conversation: &Conversation, running: &mut RunningWork<'ctx>) {
        let is_own = |key: &str| key.rsplit_once('/').is_some_and(|(of, _)| of == conversation.id());
        running.wait_for_people(self.ctx, self.process, &conversation.waiting(), is_own);
    }

    /// A call waits for a person now. Others see that, as far as it fits into the state of the session.
    pub(crate) fn show_waiting(&self, conversation: &Conversation, running: &mut RunningWork<'ctx>) {
        self.wait_for_people(conversation, running);
        let _ = self.writer.write(self.ctx, conversation);
    }

    /// Records a decision, while the turn goes on. Returns what may start now.
    pub(crate) async fn decide(
        &self,
        turn: &mut ToolTurn<'_>,
        Decided { key, verdict }: Decided,
    ) -> (Result<(), TerminalError>, Vec<Work>) {
        let id = turn.conversation().id().to_owned();
        let call = key.rsplit_once('/').filter(|(of, _)| *of == id).map(|(_, call)| call.to_owned());
        // The call may wait no more, because its plan has ended.
        let Some(call) = call.filter(|_| turn.conversation().waiting().iter().any(|call| call.key == key))
        else {
            return (Ok(()), Vec::new());
        };
        let told = match &verdict {
            Verdict::Approve => Ok(()),
            Verdict::Deny(reason) => self.tell_outcome(turn.call_of(&call), Outcome::denied(reason)).await,
        };
        turn.decide(&id, verdict.change(&call)).expect("it waits, as was checked above");
        (told, turn.take_work())
    }

    /// Waits until one of these calls is decided, when nothing else is left to do, and applies the
    /// decision.
    pub(crate) async fn pause(
        &self,
        calls: &[PendingApproval],
        conversation: &mut Conversation,
    ) -> Result<(), TerminalError> {
        let mut running = self.running.lock().await;
        running.wait_for_people(self.ctx, self.process, calls, |_| true);
        self.ctx.set(PAUSED, true);
        let Decided { key, verdict } = running.decision(self.ctx).await?;
        self.ctx.clear(PAUSED);
        verdict.apply(&key, conversation).expect("only this code decides about waiting calls");
        Ok(())
    }
}

/// Whether nothing is left to do in this conversation but to wait for a person, or in one that was
/// delegated from it.
pub(crate) async fn is_paused(ctx: &SharedObjectContext<'_>) -> Result<bool, TerminalError> {
    if ctx.get::<bool>(PAUSED).await?.unwrap_or_default() {
        return Ok(true);
    }
    let children = ctx.get::<Json<Vec<String>>>(CHILDREN).await?;
    for child in children.map(|Json(children)| children).unwrap_or_default() {
        let target = RequestTarget::object(SESSION, child, "paused");
        let Json(paused) = ctx.request::<(), Json<bool>>(target, ()).call().await?;
        if paused {
            return Ok(true);
        }
    }
    Ok(false)
}
