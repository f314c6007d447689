//! Calls that wait for a person. Each has an awakeable, which a decision resolves from any machine.

use std::pin::Pin;

use agent_core::{Conversation, conversation::PendingApproval};
use restate_sdk::{
    context::{
        ContextAwakeables, ContextTimers, ContextWriteState, DurableFuture, DurableFuturesUnordered,
        ObjectContext,
    },
    errors::TerminalError,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::{decision::Verdict, process::SharedProcess};

/// The key of the state with the waiting calls.
pub(crate) const WAITING: &str = "waiting";

/// A waiting call, and the awakeable that a decision resolves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wait {
    pub(crate) waiting: PendingApproval,
    pub(crate) awakeable: String,
}

/// The waiting calls in one run of a conversation.
#[derive(Default)]
pub(crate) struct Waits<'ctx> {
    waits: Vec<Wait>,
    /// The awakeable of each pending decision, in the same order. A call may wait twice with the
    /// same key.
    awakeables: Vec<String>,
    decisions: DurableFuturesUnordered<DecisionFuture<'ctx>>,
}

/// A pending decision: of a person, or of the timer.
type DecisionFuture<'ctx> =
    Pin<Box<dyn DurableFuture<Output = Result<Verdict, TerminalError>> + Send + 'ctx>>;

impl<'ctx> Waits<'ctx> {
    /// Waits until one of these calls is decided, and applies the decision to the conversation.
    pub(crate) async fn decide(
        &mut self,
        ctx: &ObjectContext<'ctx>,
        process: &SharedProcess,
        calls: &[PendingApproval],
        conversation: &mut Conversation,
    ) -> Result<(), TerminalError> {
        for call in calls {
            if self.waits.iter().all(|wait| wait.waiting.key != call.key) {
                self.start_waiting(ctx, process, call);
            }
        }
        ctx.set(WAITING, Json(self.waits.clone()));
        while let Some((place, verdict)) = self.decisions.next().await? {
            // The timer may fire after a person has decided.
            let Some(place) = self.waits.iter().position(|wait| wait.awakeable == self.awakeables[place])
            else {
                continue;
            };
            let verdict = verdict.unwrap_or_else(|error| Verdict::Deny(error.message().to_owned()));
            let wait = self.waits.remove(place);
            verdict
                .apply(&wait.waiting.key, conversation)
                .expect("only this code decides about waiting calls");
            // The others still wait while this call is made.
            ctx.set(WAITING, Json(self.waits.clone()));
            return Ok(());
        }
        unreachable!("each waiting call has a pending decision")
    }

    fn start_waiting(&mut self, ctx: &ObjectContext<'ctx>, process: &SharedProcess, call: &PendingApproval) {
        let (awakeable, decided) = ctx.awakeable::<Json<Verdict>>();
        self.add_decision(&awakeable, Box::pin(decided.map_ok(|Json(verdict)| verdict)));
        if let Some(approval_timeout) = process.approval_timeout {
            let late = move |()| Verdict::Deny(format!("nobody decided within {approval_timeout:?}"));
            self.add_decision(&awakeable, Box::pin(ctx.sleep(approval_timeout).map_ok(late)));
        }
        self.waits.push(Wait { waiting: call.clone(), awakeable });
    }

    fn add_decision(&mut self, awakeable: &str, decision: DecisionFuture<'ctx>) {
        self.awakeables.push(awakeable.to_owned());
        self.decisions.push(decision);
    }
}
